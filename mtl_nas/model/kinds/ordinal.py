"""Ordinal tasks: a head has falling logits of P(y > 0), P(y > 1) and so on: cumulative link (McCullagh, 1980)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mtl_nas.data import Task
from mtl_nas.model.kinds.torch_kind import TorchKind


def probabilities(outputs: Tensor, task: Task) -> Tensor:
    """(B, C - 1) -> (B, C)."""
    above = torch.sigmoid(outputs)  # P(y > k), falling
    ones = torch.ones_like(above[:, :1])
    return (torch.cat([ones, above], dim=1) - torch.cat([above, 0 * ones], dim=1)).clamp(min=0.0)


def cumulative(outputs: Tensor, labels: Tensor, task: Task) -> Tensor:
    """(B, C - 1), (B,) -> (B,): ``-log P(y = k)``.

    ``sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b-a))``, so that no probabilities are subtracted.
    """
    above, below = F.logsigmoid(outputs), F.logsigmoid(-outputs)  # (B, C-1)
    gaps = (outputs[:, :-1] - outputs[:, 1:]).clamp(min=torch.finfo(outputs.dtype).eps)
    inner = above[:, :-1] + below[:, 1:] + torch.log(-torch.expm1(-gaps))  # (B, C-2)
    log_probabilities = torch.cat([below[:, :1], inner, above[:, -1:]], dim=1)  # (B, C)
    return F.nll_loss(log_probabilities, labels.long(), reduction="none")


ORDINAL = TorchKind(link=probabilities, losses={"cumulative": cumulative})
