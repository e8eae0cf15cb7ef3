"""Regression tasks: a head has a number, its logarithm, or the three parameters of a log-normal with a zero."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mtl_nas.data import Task
from mtl_nas.model.kinds.torch_kind import TorchKind

LEAST_DEVIATION = 1e-7**0.5  # deviation of the logarithm of an amount, as in the paper's code
POWER = 1.5  # of the Tweedie distribution, whose variance is proportional to that power of its mean


def number(outputs: Tensor, task: Task) -> Tensor:
    """(B, K) -> (B,): the number, or the mean of the Tweedie or of the zero-inflated log-normal distribution."""
    values = outputs.double()
    units = values.new_tensor([task.center, task.scale])  # exporters round plain numbers to single precision
    if task.loss == "ziln":
        deviation = log_deviation(outputs).double()  # onnxruntime has no softplus in double precision
        return torch.sigmoid(values[:, 0]) * torch.exp(values[:, 1] + deviation**2 / 2) * units[1]
    if task.loss == "tweedie":
        return values[:, 0].exp() * units[1]
    return values[:, 0] * units[1] + units[0]


def squared(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,)."""
    return F.mse_loss(outputs[:, 0], labels, reduction="none")


def absolute(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,)."""
    return F.l1_loss(outputs[:, 0], labels, reduction="none")


def huber(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,)."""
    return F.huber_loss(outputs[:, 0], labels, reduction="none")


def pinball(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,), for a quantile (Koenker and Bassett, 1978)."""
    errors = labels - outputs[:, 0]
    return torch.maximum(task.quantile * errors, (task.quantile - 1.0) * errors)


def zero_inflated_log_normal(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 3), (B,) -> (B,): the probability of an amount, and its density if there is one (Wang et al., 2019)."""
    positive = (labels > 0).to(labels.dtype)
    log_labels = torch.where(labels > 0, labels, 1.0).log()
    deviation = log_deviation(outputs)
    scaled = (log_labels - outputs[:, 1]) / deviation
    density = log_labels + deviation.log() + math.log(2 * math.pi) / 2 + scaled**2 / 2
    return F.binary_cross_entropy_with_logits(outputs[:, 0], positive, reduction="none") + positive * density


def tweedie(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,): half the Tweedie deviance (Jorgensen, 1987) of the mean ``exp(output)``, without its least.

    Between the powers 1 (Poisson) and 2 (gamma), an amount is 0 with a probability above 0. The loss is 0 or more, and
    least in expectation at the mean of the labels, whatever their distribution.
    """
    mean_term = torch.exp((2.0 - POWER) * outputs[:, 0]) / (2.0 - POWER)
    return mean_term - labels * torch.exp((1.0 - POWER) * outputs[:, 0]) / (1.0 - POWER)


def log_deviation(outputs: Tensor) -> Tensor:
    """(B, 3) -> (B,): sigma of the logarithm of an amount."""
    return F.softplus(outputs[:, 2]).clamp(min=LEAST_DEVIATION)


REGRESSION = TorchKind(
    link=number,
    losses={
        "mse": squared,
        "mae": absolute,
        "huber": huber,
        "quantile": pinball,
        "ziln": zero_inflated_log_normal,
        "tweedie": tweedie,
    },
)
