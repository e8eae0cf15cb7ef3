"""Multiclass tasks: a head has one logit per class."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mtl_nas.data import Task
from mtl_nas.model.kinds.torch_kind import TorchKind


def probabilities(outputs: Tensor, task: Task) -> Tensor:
    """(B, C) -> (B, C)."""
    return torch.softmax(outputs, dim=1)


def cross_entropy(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, C), (B,) -> (B,)."""
    return F.cross_entropy(outputs, labels.long(), reduction="none")


MULTICLASS = TorchKind(link=probabilities, losses={"cross_entropy": cross_entropy})
