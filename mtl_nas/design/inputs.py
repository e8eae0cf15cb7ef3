"""Options of the inputs: how columns and behaviour sequences become states."""

from typing import Literal

from pydantic import Field

from mtl_nas.blocks import HistoryAttention, HistoryKind, NumberEncoding, Units
from mtl_nas.values import Value


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


class Inputs(Value):
    """Options of embeddings, numbers and histories."""

    embedding: Units = Field(8, description="width of the embedding of each column")
    tables: Literal["shared", "task"] = Field("shared", description="one set of embedding tables, or one more per task")
    numbers: NumberEncoding = Field("bucket", description="how numbers enter the network")
    buckets: Literal[8, 16, 32, 64, 128] = Field(32, description="quantile buckets per number")
    histories: Histories = Field(Histories(), description="how behaviour sequences are read")
