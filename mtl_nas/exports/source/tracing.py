"""What torch computes while a function runs, call by call, and which of it depends on the inputs.

The tensors of the inputs have ``rows`` rows, a prime number that no other size is a multiple of, so that a size which
is one can be told from one that belongs to the model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

PRIMES = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069, 1087, 1091)


@dataclass
class Step:
    """A call whose result depends on the inputs: of torch, or of another function that is traced."""

    function: Any  # of torch; the ``Frame`` of a traced function
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    names: tuple[str, ...] = ()  # of the outputs, where they have some
    many: bool = False  # whether the result is a tuple
    weights: str = ""  # the name of the constants that a traced function reads

    @property
    def reads(self) -> list[Tensor]:
        """The tensors among the arguments."""
        return list(_tensors((self.args, self.kwargs)))


@dataclass
class Frame:
    """A function that is traced: its inputs, constants and steps."""

    name: str
    inputs: Mapping[int, str]  # names by id of the tensor
    constants: dict[int, tuple[str, Tensor]]
    about: str = ""
    hints: dict[int, str] = field(init=False, default_factory=dict)  # names for results by id of the tensor
    parameters: tuple[str, ...] = ()
    steps: list[Step] = field(init=False, default_factory=list)
    outputs: tuple[Tensor, ...] = field(init=False, default=())
    alive: list[Any] = field(init=False, default_factory=list)  # so that no id is used twice

    def is_constant(self, tensor: Tensor) -> bool:
        """Whether a tensor does not depend on the inputs."""
        return id(tensor) in self.constants


class Recorder(TorchFunctionMode):
    """Records the calls of torch in the innermost frame."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.frames: list[Frame] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a function of torch, and keep it as a step if its result depends on the inputs."""
        result = func(*args, **(kwargs or {}))
        if self.frames:
            self._record(self.frames[-1], func, args, dict(kwargs or {}), result)
        return result

    def _record(self, frame: Frame, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        outputs = tuple(_tensors(result))
        read = list(_tensors((args, kwargs)))
        if not outputs or any(output is tensor for output in outputs for tensor in read):
            return
        frame.alive.extend(outputs)
        if all(map(frame.is_constant, read)) and not self._mentions_rows((args, kwargs)):
            names = dict.fromkeys(frame.constants[id(tensor)][0] for tensor in read)
            name = "_".join(names) or "constant"
            frame.constants.update({id(output): (name, output) for output in outputs})
        else:
            frame.steps.append(Step(func, args, kwargs, outputs, many=not isinstance(result, Tensor)))

    def _mentions_rows(self, tree: Any) -> bool:
        if isinstance(tree, Tensor):
            return False
        if isinstance(tree, int):
            return tree > 0 and tree % self.rows == 0
        if isinstance(tree, Mapping):
            return any(map(self._mentions_rows, tree.values()))
        return isinstance(tree, list | tuple | torch.Size) and any(map(self._mentions_rows, tree))

    @contextmanager
    def frame(self, frame: Frame) -> Iterator[Frame]:
        """Record what is called inside in another frame."""
        self.frames.append(frame)
        try:
            yield frame
        finally:
            self.frames.pop()

    def call(
        self, frame: Frame, run: Callable[[], Any], args: Sequence[Any], names: Sequence[str], weights: str = ""
    ) -> Any:
        """Run a function in a frame of its own, and record its call as one step of the frame around it."""
        with self.frame(frame):
            result = run()
        outputs = tuple(_tensors(result))
        frame.outputs = outputs
        outer = self.frames[-1]
        outer.alive.extend(outputs)
        outer.steps.append(Step(frame, tuple(args), {}, outputs, tuple(names), weights=weights))
        return result


def rows_unlike(sizes: set[int]) -> int:
    """A number of rows of which no size is a multiple."""
    return next(prime for prime in PRIMES if not any(size and size % prime == 0 for size in sizes))


def _tensors(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for part in tree.values():
            yield from _tensors(part)
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from _tensors(part)
