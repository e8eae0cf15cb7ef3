"""The kinds of node: their options, and what each costs at given widths.

A block is a value and knows no torch; ``mtl_nas.model`` holds one batched implementation for each.
Widths are numbers a row; operations are multiply-adds a row; both are exact for the modules that run.
"""

from typing import Annotated

from pydantic import Field

from mtl_nas.blocks.columns import Embedding, FieldMean, TaskEmbedding, Vocabulary
from mtl_nas.blocks.experts import Expert, Layers, Tower
from mtl_nas.blocks.histories import Sequence
from mtl_nas.blocks.links import Product, Thresholds, Transfer
from mtl_nas.blocks.mixing import Concat, Gate, Route, Stitch, Stop, Sum
from mtl_nas.blocks.options import Activation, NumberEncoding, SequenceAttention, SequenceKind, Share, Units
from mtl_nas.values import Value

BLOCKS: dict[str, type[Value]] = {
    "embedding": Embedding,
    "field_mean": FieldMean,
    "task_embedding": TaskEmbedding,
    "sequence": Sequence,
    "concat": Concat,
    "sum": Sum,
    "stop": Stop,
    "expert": Expert,
    "gate": Gate,
    "stitch": Stitch,
    "route": Route,
    "transfer": Transfer,
    "tower": Tower,
    "thresholds": Thresholds,
    "product": Product,
}
Block = Annotated[
    Embedding
    | FieldMean
    | TaskEmbedding
    | Sequence
    | Concat
    | Sum
    | Stop
    | Expert
    | Gate
    | Stitch
    | Route
    | Transfer
    | Tower
    | Thresholds
    | Product,
    Field(discriminator="block"),
]

__all__ = [
    "BLOCKS",
    "Activation",
    "Block",
    "Concat",
    "Embedding",
    "Expert",
    "FieldMean",
    "Gate",
    "Layers",
    "NumberEncoding",
    "Product",
    "Route",
    "Sequence",
    "SequenceAttention",
    "SequenceKind",
    "Share",
    "Stitch",
    "Stop",
    "Sum",
    "TaskEmbedding",
    "Thresholds",
    "Tower",
    "Transfer",
    "Units",
    "Vocabulary",
]
