"""Count tasks: a head has the logarithm of a rate, relative to the mean of the train labels."""

from torch import Tensor

from mtl_nas.data import Task
from mtl_nas.model.kinds.torch_kind import TorchKind


def rate(outputs: Tensor, task: Task) -> Tensor:
    """(B, 1) -> (B,)."""
    values = outputs.double()
    return values[:, 0].exp() * values.new_tensor([task.scale])  # exporters round plain numbers to single precision


def poisson(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, 1), (B,) -> (B,): ``rate - y log(rate)``, the negative log-likelihood up to a term of y alone."""
    return outputs[:, 0].exp() - labels * outputs[:, 0]


COUNT = TorchKind(link=rate, losses={"poisson": poisson})
