"""Parameters that several tasks train; some members of a stacked parameter may be private to one task."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Reaching = Sequence[tuple[nn.Parameter, tuple[frozenset[str], ...]]]  # tasks that train each member (first axis)


@dataclass(frozen=True)
class SharedParameter:
    """The members of a parameter (N, ...) that several tasks train; ``members`` is None if those are all."""

    parameter: nn.Parameter
    members: Tensor | None

    @property
    def size(self) -> int:
        """Number of weights in the members."""
        numbers = self.parameter.numel()
        return numbers if self.members is None else numbers // len(self.parameter) * len(self.members)

    def part(self, gradient: Tensor | None) -> Tensor:
        """(N, ...) -> (size,): the members' part of a gradient; zeros without a gradient."""
        whole = torch.zeros_like(self.parameter) if gradient is None else gradient
        return (whole if self.members is None else whole.index_select(0, self.members)).flatten()

    def set_part(self, gradient: Tensor, part: Tensor) -> None:
        """Write the members' part (size,) into a gradient (N, ...)."""
        if self.members is None:
            gradient.copy_(part.view_as(gradient))
        else:
            gradient.index_copy_(0, self.members, part.view(-1, *gradient.shape[1:]))


def shared(reaching: Reaching, left_out: Collection[nn.Parameter] = ()) -> tuple[SharedParameter, ...]:
    """Return the members of parameters that two or more tasks train; parameters in ``left_out`` keep the plain sum."""
    return tuple(
        _selected(
            (parameter, [len(names) > 1 for names in tasks])
            for parameter, tasks in reaching
            if not any(parameter is other for other in left_out)
        )
    )


def last_shared(reaching: Reaching, tasks: Iterable[str]) -> SharedParameter | None:
    """Return the last weight matrices that all tasks train; None if there are none."""
    every = frozenset(tasks)
    matrices = [(parameter, names) for parameter, names in reaching if parameter.ndim > 2]
    selected = _selected((parameter, [every <= names for names in reached]) for parameter, reached in matrices)
    return selected[-1] if selected else None


def _selected(marked: Iterable[tuple[nn.Parameter, Sequence[bool]]]) -> list[SharedParameter]:
    selected = []
    for parameter, marks in marked:
        if all(marks):
            selected.append(SharedParameter(parameter, None))
        elif any(marks):
            members = [index for index, mark in enumerate(marks) if mark]
            selected.append(SharedParameter(parameter, torch.tensor(members, device=parameter.device)))
    return selected
