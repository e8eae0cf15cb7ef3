"""Hard parameter sharing: one network under one tower per task."""

from typing import Any

from mtl_nas.blocks import Expert, Tower
from mtl_nas.data import Schema
from mtl_nas.design import Design, Inputs, Level

Hidden = tuple[int, ...]


def shared_bottom(
    schema: Schema, *, hidden: Hidden = (256, 128), tower: Hidden = (64,), embedding: int = 8, **inputs: Any
) -> Design:
    """One bottom network for all tasks, one tower per task.

    The sizes are those of DeepCTR. With ``hidden=()`` the tasks share embeddings alone.

    Paper: Caruana, 1997
    """
    levels = (Level(shared=1, expert=Expert(hidden=hidden)),) if hidden else ()
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=levels, tower=Tower(hidden=tower))
