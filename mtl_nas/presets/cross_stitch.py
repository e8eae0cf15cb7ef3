"""Networks whose layers exchange states by learned numbers."""

from typing import Any

from mtl_nas.blocks import Expert, Tower
from mtl_nas.data import Schema
from mtl_nas.design import Design, Inputs, Level, Routing, Stitching

Hidden = tuple[int, ...]


def cross_stitch(
    schema: Schema, *, hidden: Hidden = (128, 64), tower: Hidden = (16,), embedding: int = 8, **inputs: Any
) -> Design:
    """One network per task, joined by cross-stitch units after every layer.

    Paper: Misra et al., CVPR 2016
    """
    levels = tuple(Level(specific=1, expert=Expert(hidden=(width,)), mixing=Stitching()) for width in hidden)
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=levels, tower=Tower(hidden=tower))


def snr(
    schema: Schema,
    *,
    levels: int = 2,
    experts: int = 4,
    hidden: Hidden = (64,),
    tower: Hidden = (16,),
    embedding: int = 8,
    transform: bool = True,
    penalty: float = 1e-4,
    **inputs: Any,
) -> Design:
    """Sub-networks on each level, with connections that training opens and closes.

    With ``transform`` each connection has a matrix (SNR-Trans), without it none (SNR-Aver).

    Paper: Ma et al., AAAI 2019
    """
    routing = Routing(transform=transform, penalty=penalty)
    level = Level(shared=experts, expert=Expert(hidden=hidden), mixing=routing)
    read = Inputs(embedding=embedding, **inputs)
    return Design(inputs=read, levels=(level,) * levels, tower=Tower(hidden=tower))
