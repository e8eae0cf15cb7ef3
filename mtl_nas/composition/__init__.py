"""A design and a schema -> the graph of one model.

What computes nothing is left out: a gate over one expert is that expert, nodes that reach no head are dropped, options
that change nothing stand at their defaults. So what is the same by structure has one key.
"""

from mtl_nas.composition.assembly import compose

__all__ = ["compose"]
