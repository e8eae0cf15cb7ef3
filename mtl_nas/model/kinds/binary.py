"""Binary tasks: a head has one logit."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mtl_nas.data import Task
from mtl_nas.model.kinds.torch_kind import TorchKind

GAMMA = 2.0  # exponent of the focal loss, the best of its paper


def probability(outputs: Tensor, task: Task) -> Tensor:
    """(B, 1) -> (B,)."""
    return torch.sigmoid(outputs[:, 0])


def cross_entropy(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,)."""
    return F.binary_cross_entropy_with_logits(outputs[:, 0], labels, reduction="none")


def focal(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,): ``-(1 - p)^2 log p`` of the label's probability p (Lin et al., 2017)."""
    logits = torch.where(labels == 1, outputs[:, 0], -outputs[:, 0])
    return -(torch.sigmoid(-logits) ** GAMMA) * F.logsigmoid(logits)


BINARY = TorchKind(link=probability, losses={"bce": cross_entropy, "focal": focal})
