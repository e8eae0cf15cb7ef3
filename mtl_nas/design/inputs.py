"""Options of the inputs: how columns and behaviour sequences become states."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from mtl_nas.blocks import HistoryAttention, HistoryKind, NumberEncoding, NumberEncodings, Units
from mtl_nas.values import Value, first_repeated


class Histories(Value):
    """Options of the reader of sequences; DUPN (Ni et al., 2018) is the property-gated LSTM with softmax attention."""

    kind: HistoryKind = Field(
        "mean", description="reader of a sequence; without attention, its last state or mean counts"
    )
    hidden: Units = Field(32, description="width of a recurrent reader")
    attention: HistoryAttention = Field("none", description="weighs positions against one another, or each by itself")
    attention_hidden: tuple[Units, ...] = Field((64,), description="hidden layers of the network that weighs positions")
    context: Literal["none", "features"] = Field(
        "features", description="second input of that network, beside the position"
    )


def _each_once(encodings: NumberEncodings) -> NumberEncodings:
    if (repeated := first_repeated(encodings)) is not None:
        raise ValueError(f"an encoding stands once in a list, got '{repeated}' twice")
    return encodings


def _form(tree: object) -> str:
    if isinstance(tree, Mapping | Value):
        return "groups"
    return "list" if isinstance(tree, list | tuple) else "word"


_Word = Annotated[NumberEncoding, Tag("word")]
_List = Annotated[NumberEncodings, Field(min_length=1, max_length=3), AfterValidator(_each_once), Tag("list")]
Encodings = Annotated[_Word | _List, Discriminator(_form)]


class NumberGroups(Value):
    """Encodings of numbers by what their values look like in the train rows."""

    discrete: Encodings = Field("histogram", description="numbers of which every value has many rows")
    spiky: Encodings = Field(("histogram", "robust"), description="other numbers of which one value is many rows")
    heavy: Encodings = Field(
        ("histogram", "quantile"), description="other numbers with values far beyond the bulk of the rows"
    )
    smooth: Encodings = Field("periodic", description="all other numbers")


_AutoOrWord = Annotated[Literal["auto", NumberEncoding], Tag("word")]
_Groups = Annotated[NumberGroups, Tag("groups")]
Numbers = Annotated[_AutoOrWord | _List | _Groups, Discriminator(_form)]


class Inputs(Value):
    """Options of embeddings, numbers and histories."""

    later_fields: ClassVar[tuple[str, ...]] = ("frequency", "scale")

    embedding: Units = Field(8, description="width of the embedding of each column")
    tables: Literal["shared", "task"] = Field("shared", description="one set of embedding tables, or one more per task")
    numbers: Numbers = Field(
        "bucket",
        description="how numbers enter the network: an encoding, a list of encodings side by side, either of them for "
        "each group of numbers, or auto",
    )
    buckets: Literal[8, 16, 32, 64, 128] = Field(32, description="buckets, bins or knots per number")
    frequency: float = Field(
        0.1, gt=0.0, description="deviation of the first frequencies of periodic numbers, per interquartile range"
    )
    scale: bool = Field(False, description="a learned scale of each feature, with six times the learning rate")
    histories: Histories = Field(Histories(), description="how behaviour sequences are read")
