"""The grammar of designs: a Design says where tasks share and where they part, a Training how a model is trained.

A design names no columns and few tasks, so one design fits many tables; ``compose`` makes a graph of it and a schema.
"""

from mtl_nas.design.design import Critics, Design, Members, Proposal, Transfers
from mtl_nas.design.inputs import Encodings, Histories, Inputs, NumberGroups, Numbers
from mtl_nas.design.levels import GateOptions, Gating, Level, Routing, Stitching
from mtl_nas.design.losses import Aggregation, Losses
from mtl_nas.design.training import Meta, Precision, Training, Work

__all__ = [
    "Aggregation",
    "Critics",
    "Design",
    "Encodings",
    "GateOptions",
    "Gating",
    "Histories",
    "Inputs",
    "Level",
    "Losses",
    "Members",
    "Meta",
    "NumberGroups",
    "Numbers",
    "Precision",
    "Proposal",
    "Routing",
    "Stitching",
    "Training",
    "Transfers",
    "Work",
]
