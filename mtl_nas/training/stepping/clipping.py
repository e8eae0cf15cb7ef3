"""Gradient clipping by the norm of all gradients together (Pascanu et al., 2013)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm


@torch.no_grad()
def scale_down(gradients: Sequence[Tensor], largest: float) -> None:
    """Multiply gradients in place by one factor, so that their common norm is at most ``largest``.

    Nothing here reads a number on the host, so that a CUDA graph can capture it.
    """
    if not gradients:
        return
    norm = get_total_norm(gradients)
    factor = (largest / norm.clamp(min=largest)).to(gradients[0].dtype)  # 1 for a smaller norm
    for gradient in gradients:
        gradient.mul_(factor)
