"""Networks that share nothing."""

from typing import Any

from mtl_nas.blocks import Expert, Tower
from mtl_nas.data import Schema
from mtl_nas.design import Design, Inputs, Level

Hidden = tuple[int, ...]


def single_task(
    schema: Schema, *, hidden: Hidden = (256, 128), tower: Hidden = (64,), embedding: int = 8, **inputs: Any
) -> Design:
    """One separate network per task, embeddings included.

    It is the baseline against which the gain of sharing is measured.
    """
    levels = (Level(specific=1, expert=Expert(hidden=hidden)),) if hidden else ()
    own = Inputs(embedding=embedding, tables="task", **inputs)
    return Design(inputs=own, levels=levels, tower=Tower(hidden=tower))
