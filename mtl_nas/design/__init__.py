"""The grammar: one sentence says where tasks share and where they part.

A Design names no columns and few tasks, so one design fits many tables; ``compose`` spells it out for a schema.
"""

from mtl_nas.design.inputs import Histories, Inputs
from mtl_nas.design.levels import Gating, Level, Routing, Stitching, Weighing
from mtl_nas.design.losses import Losses
from mtl_nas.design.sentence import Critics, Design, Proposal, Transfers
from mtl_nas.design.training import Meta, Training, Work

__all__ = [
    "Critics",
    "Design",
    "Gating",
    "Histories",
    "Inputs",
    "Level",
    "Losses",
    "Meta",
    "Proposal",
    "Routing",
    "Stitching",
    "Training",
    "Transfers",
    "Weighing",
    "Work",
]
