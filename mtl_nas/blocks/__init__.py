"""The kinds of node: their options, their cost at given widths, and their words and colours in drawings.

A block is a value without torch; ``mtl_nas.model.stages`` has one batched implementation for each. Every module of this
package is imported, so that a block is registered wherever it is defined.
"""

from importlib import import_module
from pkgutil import iter_modules

from mtl_nas.blocks.block import Block, Colour
from mtl_nas.blocks.columns import Embedding, FieldMean, NumberPart, TaskEmbedding, Vocabulary
from mtl_nas.blocks.experts import Expert, Layers, LayersBlock, Tower
from mtl_nas.blocks.histories import History
from mtl_nas.blocks.links import Product, Thresholds, Transfer
from mtl_nas.blocks.members import MemberExpert, MemberInput, MemberLayers, MemberTower
from mtl_nas.blocks.mixing import Concat, Gate, Route, Stitch, Stop, Sum
from mtl_nas.blocks.options import (
    Activation,
    HistoryAttention,
    HistoryKind,
    NumberEncoding,
    NumberEncodings,
    Share,
    Units,
)
from mtl_nas.blocks.scaling import Scaling

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "Activation",
    "Block",
    "Colour",
    "Concat",
    "Embedding",
    "Expert",
    "FieldMean",
    "Gate",
    "History",
    "HistoryAttention",
    "HistoryKind",
    "Layers",
    "LayersBlock",
    "MemberExpert",
    "MemberInput",
    "MemberLayers",
    "MemberTower",
    "NumberEncoding",
    "NumberEncodings",
    "NumberPart",
    "Product",
    "Route",
    "Scaling",
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
