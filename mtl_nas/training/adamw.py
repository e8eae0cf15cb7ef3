"""AdamW (Loshchilov and Hutter, 2019), with the same options for plain, sparse and stacked steps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.adamw import adamw

from mtl_nas.design import Training

BETAS = (0.9, 0.999)  # decay per step of the running means of gradients and of their squares
EPSILON = 1e-8
DEVICE_OPTIONS = ("lr", "capturable")  # options that depend on the device; a loaded state does not change them


def make_optimizer(parameters: Iterable[nn.Parameter], training: Training, *, capturable: bool) -> AdamW:
    """Return the optimizer of a training; if ``capturable``, a CUDA graph can capture its steps."""
    parameters = list(parameters)
    rate: Any = training.learning_rate
    if capturable:  # a captured graph repeats plain numbers as they were; it reads a tensor anew
        rate = torch.tensor(rate, device=parameters[0].device)
    return AdamW(
        parameters,
        lr=rate,
        betas=BETAS,
        eps=EPSILON,
        weight_decay=training.weight_decay,
        fused=True,
        capturable=capturable,
    )


def set_rate(optimizer: AdamW, rate: float) -> None:
    """Set the learning rate of the next step."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def load_optimizer(optimizer: AdamW, state: Mapping[str, Any]) -> None:
    """Load a result of ``optimizer.state_dict``, which may come from another device."""
    options = [{name: group[name] for name in DEVICE_OPTIONS} for group in optimizer.param_groups]
    optimizer.load_state_dict(dict(state))
    for group, of_device in zip(optimizer.param_groups, options, strict=True):
        group.update(of_device)


def optimizer_state(optimizer: AdamW, parameters: Sequence[nn.Parameter]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the running means of gradients and of their squares; zeros before a parameter's first step."""
    states = [optimizer.state[parameter] for parameter in parameters]
    exp_avgs, exp_avg_sqs = (
        [state.get(name, torch.zeros_like(value)) for state, value in zip(states, parameters, strict=True)]
        for name in ("exp_avg", "exp_avg_sq")
    )
    return exp_avgs, exp_avg_sqs


def set_optimizer_state(
    optimizer: AdamW,
    parameters: Sequence[nn.Parameter],
    exp_avgs: Sequence[Tensor],
    exp_avg_sqs: Sequence[Tensor],
    *,
    step: int,
) -> None:
    """Set the state of parameters that have had some steps."""
    for parameter, exp_avg, exp_avg_sq in zip(parameters, exp_avgs, exp_avg_sqs, strict=True):
        steps = torch.full((), float(step), device=parameter.device)
        optimizer.state[parameter] = {"step": steps, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}


def adamw_step(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    exp_avgs: Sequence[Tensor],
    exp_avg_sqs: Sequence[Tensor],
    steps_before: Sequence[Tensor],
    *,
    rate: float | Tensor,
    weight_decay: float,
) -> None:
    """Update weights and their states in place, in one kernel; the tensors of one index have equal strides.

    ``steps_before``: the number of steps that each weight has had, () each, which is incremented.
    """
    adamw(
        list(weights),
        list(gradients),
        list(exp_avgs),
        list(exp_avg_sqs),
        [],
        list(steps_before),
        fused=True,
        amsgrad=False,
        maximize=False,
        beta1=BETAS[0],
        beta2=BETAS[1],
        lr=rate,
        weight_decay=weight_decay,
        eps=EPSILON,
    )
