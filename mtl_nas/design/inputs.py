"""How columns and histories become a state."""

from typing import Literal

from mtl_nas.blocks import NumberEncoding, SequenceAttention, SequenceKind, Units
from mtl_nas.values import Value


class Histories(Value):
    """How behaviour sequences are read; DUPN (Ni et al., 2018) is the property-gated LSTM with softmax attention.

    attention: positions are weighed by a network that sees each position's state and, unless ``context`` is none,
    the features of the row; without attention a recurrent reader gives its last state and ``mean`` the plain mean.
    """

    kind: SequenceKind = "mean"
    hidden: Units = 32  # of the recurrent kinds
    attention: SequenceAttention = "none"
    attention_hidden: tuple[Units, ...] = (64,)
    context: Literal["none", "features"] = "features"


class Inputs(Value):
    """How columns become a state: the width of embeddings, the encoding of numbers, and who owns the tables."""

    embedding: Units = 8
    tables: Literal["shared", "task"] = "shared"  # task: a table for each task, and a shared one
    numbers: NumberEncoding = "bucket"
    buckets: Literal[8, 16, 32, 64, 128] = 32
    histories: Histories = Histories()
