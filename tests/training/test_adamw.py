"""The optimizer is torch's AdamW, to the bit, and loads no more of torch than it needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from mtl_nas.training.adamw import BETAS, EPSILON, AdamW

IMPORTS = """
import sys
from fit_fixtures import new_member
from mtl_nas.training import Fit
Fit(new_member()).advance(0.1)
assert not {"torch._dynamo", "sympy"} & set(sys.modules)
"""


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(size)) for size in ((3, 5), (7,), (2, 2))]


def gradients(step: int) -> list[torch.Tensor | None]:
    """The last parameter takes part in no loss, the second in every other one."""
    generator = torch.Generator().manual_seed(step)
    first, second = torch.randn(3, 5, generator=generator), torch.randn(7, generator=generator)
    return [first, second if step % 2 else None, None]


def fill(weights: list[nn.Parameter], step: int) -> None:
    for weight, gradient in zip(weights, gradients(step), strict=True):
        weight.grad = gradient


def test_steps_are_those_of_torch_to_the_bit() -> None:
    ours, theirs = parameters(), parameters()
    optimizer = AdamW(ours, rate=0.0, weight_decay=0.1)
    oracle = torch.optim.AdamW(theirs, lr=0.0, betas=BETAS, eps=EPSILON, weight_decay=0.1, fused=True)
    for step, rate in enumerate((0.1, 0.05, 0.2, 0.01)):
        optimizer.set_rate(rate)
        oracle.param_groups[0]["lr"] = rate
        fill(ours, step)
        fill(theirs, step)
        optimizer.step()
        oracle.step()
    assert all(torch.equal(weight, other) for weight, other in zip(ours, theirs, strict=True))


def test_weights_with_another_rate_move_as_those_of_torch_to_the_bit() -> None:
    ours, theirs = parameters(), parameters()
    optimizer = AdamW(ours, rate=0.1, weight_decay=0.5, factors=dict.fromkeys(ours[1:], 6.0))
    groups = [{"params": theirs[:1]}, {"params": theirs[1:], "lr": 0.1 * 6.0}]
    oracle = torch.optim.AdamW(groups, lr=0.1, betas=BETAS, eps=EPSILON, weight_decay=0.5, fused=True)
    for step in range(4):
        fill(ours, step)
        fill(theirs, step)
        optimizer.step()
        oracle.step()
    assert all(torch.equal(weight, other) for weight, other in zip(ours, theirs, strict=True))
    assert optimizer.factors(ours) == [1.0, 6.0, 6.0]


def test_a_state_is_loaded_and_not_shared_also_one_that_torch_wrote() -> None:
    first, second, third = parameters(), parameters(), parameters()
    optimizer, other = (AdamW(weights, rate=0.1, weight_decay=0.0) for weights in (first, second))
    oracle = torch.optim.AdamW(third, lr=0.1, eps=EPSILON, weight_decay=0.0, fused=True)
    fill(first, 1)
    fill(third, 1)
    optimizer.step()
    oracle.step()
    for saved in (optimizer.state_dict(), oracle.state_dict()):
        other.load_state_dict(saved)
        assert len(other.state) == 2  # the third parameter had no step
        for weight, copied in zip(first[:2], second[:2], strict=True):
            state = optimizer.state[weight]
            assert state.keys() == other.state[copied].keys()
            assert all(torch.equal(other.state[copied][name], value) for name, value in state.items())
            assert other.state[copied]["step"] is not state["step"]


def test_gradients_are_cleared() -> None:
    weights = parameters()
    fill(weights, 1)
    AdamW(weights, rate=0.1, weight_decay=0.0).clear_gradients()
    assert [weight.grad for weight in weights] == [None, None, None]


@pytest.mark.slow
def test_training_imports_no_compiler() -> None:
    helpers = str(Path(__file__).parents[1] / "helpers")
    path = os.pathsep.join([helpers, os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", IMPORTS], env=os.environ | {"PYTHONPATH": path}, check=True)
