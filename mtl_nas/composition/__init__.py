"""A design and a schema -> the graph of one model.

Graphs that compute the same should have one key, so nodes and options without effect are left out: a gate over one
expert is that expert, nodes that reach no head are dropped, options without effect have their defaults.
"""

from mtl_nas.composition.assembly import compose
from mtl_nas.composition.funnel import funnel_root
from mtl_nas.composition.loss_checks import refuse_unsuitable_losses
from mtl_nas.composition.number_groups import numbers_by_group
from mtl_nas.composition.stacking import MOST_MEMBERS, has_stackable_blocks, one_backward_pass

__all__ = [
    "MOST_MEMBERS",
    "compose",
    "funnel_root",
    "has_stackable_blocks",
    "numbers_by_group",
    "one_backward_pass",
    "refuse_unsuitable_losses",
]
