"""The contract of a block: the properties of a kind of node that graphs, drawings and trainings use."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from mtl_nas.data import Schema
from mtl_nas.values import Value, nearest


class Colour(StrEnum):
    """Fill colours of drawings, by the purpose of a block."""

    INPUT = "#dbe7f5"
    WIRING = "#eeeeee"
    EXPERT = "#fdecc8"
    MIXING = "#e3d9f2"
    LINK = "#f9d5d3"
    PREDICTION = "#d9ecd5"


class Block(Value, ABC):
    """A kind of node. A subclass is registered by being defined, under the default of its field ``block``.

    ``widths`` are the widths of the node's inputs, in their order. The torch module of a block is the
    ``StageModule`` in ``mtl_nas.model.stages`` that names the block's class.
    """

    block: str

    kinds: ClassVar[dict[str, type["Block"]]] = {}
    reads: ClassVar[tuple[str, ...]] = ()  # roles of the inputs, in their order
    variadic: ClassVar[bool] = False  # any number of inputs, at least one, has the last role
    colour: ClassVar[Colour] = Colour.WIRING
    origin: ClassVar[str] = "nothing"  # the source that drawings give a node without inputs
    drawn_together: ClassVar[bool] = False  # equal nodes with equal neighbours are one box of a drawing
    is_identity: ClassVar[bool] = False  # the output is the input
    reads_predictions: ClassVar[bool] = False  # the inputs are natural parameters of predictions
    predicts_events: ClassVar[bool] = False  # inputs and output are logits of events

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        if not cls.__abstractmethods__:
            Block.kinds[cls.model_fields["block"].default] = cls

    @staticmethod
    def of(tree: Mapping[str, Any]) -> "Block":
        """Read a block from the mapping of a file; its key ``block`` names the kind."""
        name = tree.get("block")
        if not isinstance(name, str) or name not in Block.kinds:
            raise ValueError(f"unknown block {name!r}{nearest(str(name), Block.kinds)}")
        return Block.kinds[name].model_validate(tree)

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles of the inputs that the node reads under its options."""
        return self.reads

    @abstractmethod
    def units(self, widths: Sequence[int]) -> int:
        """Return the width of the output, or raise a ValueError if the widths do not fit the block."""

    def copies(self, copies: Sequence[int]) -> int:
        """Return how many rows the output has for each row of the table, from those of the inputs.

        Raises:
            ValueError: The inputs do not have as many rows as each other, or as the block needs.
        """
        if len(set(copies)) > 1:
            raise ValueError(f"a node reads inputs with equally many rows for a row of the table, got {list(copies)}")
        return copies[0] if copies else 1

    @abstractmethod
    def label(self, widths: Sequence[int]) -> str:
        """A few words for drawings: kind, sizes, options that differ from the defaults."""

    def parameters(self, widths: Sequence[int]) -> int:
        """Number of trained weights that belong to one node."""
        return 0

    def shared_parameters(self, widths: Sequence[int]) -> int:
        """Number of trained weights that all nodes of this block and width use together."""
        return 0

    def macs(self, widths: Sequence[int]) -> int:
        """Multiply-adds per row of the output."""
        return 0

    @property
    def predicts(self) -> bool:
        """Whether the output holds natural parameters of predictions, not a hidden state."""
        return self.reads_predictions

    @property
    def table_rows(self) -> int:
        """Number of rows of the embedding table."""
        return 0

    @property
    def stackable(self) -> bool:
        """Whether the stage works under ``torch.vmap`` over stacked weights and adds nothing to the loss."""
        return True

    def stops_gradient(self, index: int) -> bool:
        """Whether no gradient flows to the input at an index."""
        return False

    def mismatch(self, schema: Schema) -> str:
        """Return why the block does not fit the schema, to follow a node's name in a message; empty if it fits."""
        return ""


def one_width(rule: str, widths: Sequence[int]) -> int:
    """Return the width that all inputs have, or raise a ValueError that begins with the rule."""
    if len(set(widths)) != 1:
        raise ValueError(f"{rule} of one width, got {list(widths)}")
    return widths[0]
