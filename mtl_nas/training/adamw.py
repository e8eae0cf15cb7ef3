"""AdamW (Loshchilov and Hutter, 2019), with the same options for plain, sparse and stacked steps.

The steps call torch's fused kernel. ``torch.optim.AdamW`` is not used, because it imports torch's compiler, which takes
more than a second in every process that trains.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from mtl_nas.design import Training
from mtl_nas.model import Network

BETAS = (0.9, 0.999)  # decay per step of the running means of gradients and of their squares
EPSILON = 1e-8


class AdamW:
    """Updates parameters by their gradients.

    Args:
        parameters: The parameters to update.
        rate: The learning rate; a tensor if a CUDA graph captures the steps.
        weight_decay: The decoupled weight decay.
        factors: Factors on the learning rate, of parameters whose factor is not one.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        rate: float | Tensor,
        weight_decay: float,
        factors: Mapping[nn.Parameter, float] = MappingProxyType({}),
    ) -> None:
        self.parameters = list(parameters)
        self.rate, self.weight_decay = rate, weight_decay
        self._factors = dict(factors)
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}  # state of parameters that have had a step
        self.after_step: Callable[[], None] | None = None

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next step."""
        if isinstance(self.rate, Tensor):
            self.rate.fill_(rate)
        else:
            self.rate = rate

    def factors(self, parameters: Iterable[nn.Parameter]) -> list[float]:
        """Return the factor on the learning rate of each of the parameters."""
        return [self._factors.get(parameter, 1.0) for parameter in parameters]

    def clear_gradients(self) -> None:
        """Remove the gradients of the parameters."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters that have a gradient."""
        gradients = {parameter: parameter.grad for parameter in self.parameters if parameter.grad is not None}
        for parameter in gradients:
            if parameter not in self.state:
                self.state[parameter] = {
                    "step": torch.zeros((), device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        states = [self.state[parameter] for parameter in gradients]
        adamw_step(
            list(gradients),
            list(gradients.values()),
            *([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step")),
            rate=self.rate,
            weight_decay=self.weight_decay,
            factors=self.factors(gradients),
        )
        if self.after_step is not None:
            self.after_step()

    def state_dict(self) -> dict[str, Any]:
        """Return the state by the index of the parameter, as torch's optimizers do."""
        indices = {parameter: index for index, parameter in enumerate(self.parameters)}
        return {"state": {indices[parameter]: dict(state) for parameter, state in self.state.items()}}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Load a result of ``state_dict``, which may come from another device."""
        for index, state in saved["state"].items():
            parameter = self.parameters[index]
            self.state[parameter] = {name: value.to(parameter.device, copy=True) for name, value in state.items()}


def make_optimizer(
    parameters: Iterable[nn.Parameter], training: Training, network: Network, *, capturable: bool
) -> AdamW:
    """Return the optimizer of parameters; if ``capturable``, a CUDA graph can capture its steps.

    ``network`` says which of them have another learning rate.
    """
    parameters = list(parameters)
    rate: float | Tensor = training.learning_rate
    if capturable:  # a captured graph repeats plain numbers as they were; it reads a tensor anew
        rate = torch.tensor(rate, device=parameters[0].device)
    return AdamW(parameters, rate=rate, weight_decay=training.weight_decay, factors=network.rates())


def optimizer_state(optimizer: AdamW, parameters: Sequence[nn.Parameter]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the running means of gradients and of their squares; zeros before a parameter's first step."""
    states = [optimizer.state.get(parameter, {}) for parameter in parameters]
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
    factors: Sequence[float],
) -> None:
    """Update weights and their states in place, in one kernel per factor on the learning rate.

    The tensors of one index have equal strides. ``steps_before``: the number of steps that each weight has had, ()
    each, which is incremented.
    """
    rows = list(zip(weights, gradients, exp_avgs, exp_avg_sqs, steps_before, strict=True))
    for factor in dict.fromkeys(factors):
        alike = [row for row, own in zip(rows, factors, strict=True) if own == factor]
        alike_weights, alike_gradients, alike_avgs, alike_squares, alike_steps = map(list, zip(*alike, strict=True))
        adamw(
            alike_weights,
            alike_gradients,
            alike_avgs,
            alike_squares,
            [],
            alike_steps,
            fused=True,
            amsgrad=False,
            maximize=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate if factor == 1.0 else rate * factor,
            weight_decay=weight_decay,
            eps=EPSILON,
        )
