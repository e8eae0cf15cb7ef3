"""Initial weights of linear maps."""

import math

import torch
from torch import nn


def fill(module: nn.Module, generator: torch.Generator) -> None:
    """Weights of linear maps from U(-b, b) with b = sqrt(6 / fan in) (He et al., 2015), biases at zero.

    Small or biased starts leave whole narrow towers without an active unit.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters(recurse=False):
            if "bias" in name:
                parameter.zero_()
            elif "weight" in name:
                bound = math.sqrt(6.0 / parameter.shape[-1])
                parameter.uniform_(-bound, bound, generator=generator)
