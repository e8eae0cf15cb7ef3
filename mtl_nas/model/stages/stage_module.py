"""The contract of the torch module of a stage, used by networks, training and diagnosis."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast, get_args

import torch
from torch import Tensor, nn

from mtl_nas.blocks import Block
from mtl_nas.model.activations import Activations, InputTensors
from mtl_nas.model.grouping import Stage

B = TypeVar("B", bound=Block)


class MixingWeights(NamedTuple):
    """The nodes that each member of a stage mixes, and their weights (N, B, E), or (N, 1, E) if equal for all rows."""

    kind: str
    mixed: tuple[tuple[str, ...], ...]
    weights: Tensor
    own_first: bool = False  # the first node that a member mixes is the state of its own task
    compete: bool = True  # whether a larger weight lowers the others; entropies are meaningful only then


class WeightedModule(nn.Module, ABC):
    """A module whose weights are drawn from a generator."""

    def reset(self, generator: torch.Generator) -> None:
        """Weights of linear maps from U(-b, b) with b = sqrt(6 / fan in) (He et al., 2015), biases at zero.

        Small or biased starts leave whole narrow towers without an active unit.
        """
        with torch.no_grad():
            for name, parameter in self.named_parameters(recurse=False):
                if "bias" in name:
                    parameter.zero_()
                elif "weight" in name:
                    bound = math.sqrt(6.0 / parameter.shape[-1])
                    parameter.uniform_(-bound, bound, generator=generator)


class StageModule(WeightedModule, Generic[B]):
    """All nodes of a stage at once: weights have the sets of the stage as their first axis, outputs are (N, B, H).

    ``class SumStage(StageModule[Sum])`` registers itself for the block ``Sum``.
    """

    kinds: ClassVar[dict[type[Block], type["StageModule[Any]"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            StageModule.kinds.update({kind: cls for kind in get_args(base) if isinstance(kind, type)})

    @staticmethod
    def of(block: Block) -> type["StageModule[Any]"]:
        """The class that computes a block."""
        if type(block) not in StageModule.kinds:
            name = type(block).__name__
            raise NotImplementedError(f"no stage computes the block '{block.block}'; define StageModule[{name}]")
        return StageModule.kinds[type(block)]

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(B, stage.block)
        self._shared: list[WeightedModule] = []  # in a list, so that torch does not register the module here too

    @abstractmethod
    def forward(self, activations: Activations) -> Tensor:
        """The output of every member, (N, B, H)."""

    def inputs(self, activations: Activations, index: int = 0) -> Tensor:
        """The input of that index of every member, (N, B, D)."""
        return activations.stack(self.stage.column(index))

    def all_inputs(self, activations: Activations) -> list[Tensor]:
        """Every input of every member, (N, B, D) each."""
        return [self.inputs(activations, index) for index in range(len(self.stage.widths))]

    @classmethod
    def shared_module(cls, stage: Stage) -> WeightedModule:
        """Make the weights that all stages of one block and width share, if the block has shared parameters."""
        raise NotImplementedError(f"{cls.__name__} has no shared weights")

    def attach(self, shared: WeightedModule) -> None:
        """Use weights that other stages use too."""
        self._shared.append(shared)

    @property
    def shared_parameters(self) -> list[nn.Parameter]:
        """Weights that this stage and others use."""
        return [parameter for module in self._shared for parameter in module.parameters()]

    def needs_full_precision(self, name: str) -> bool:
        """Whether a parameter keeps single precision where activations are bfloat16."""
        return False

    def rate(self, name: str) -> float:
        """The factor on the learning rate of a parameter."""
        return 1.0

    def penalty(self) -> Tensor | None:
        """The term that the stage adds to the loss, a scalar; None if there is none."""
        return None

    def mixing_weights(self, activations: Activations) -> MixingWeights | None:
        """The weights of a stage that mixes several nodes; None for other stages."""
        return None


class TableStage(StageModule[B]):
    """A stage with an embedding table, (N, R, d), that reads ids from the input tensors."""

    table: nn.Parameter

    def needs_full_precision(self, name: str) -> bool:
        return True

    @abstractmethod
    def rows_read(self, inputs: InputTensors) -> tuple[Tensor, Mapping[str, Tensor], Mapping[str, Tensor]]:
        """Return the table rows (R,) that a batch reads, and input tensors and buffers with indices of those rows.

        The input tensors and buffers replace those of their names when the table is replaced by its rows (N, R, d).
        """
