"""What tasks share is a state or nothing: no gates."""

from typing import Any

from mtl_nas.blocks import Expert, Tower
from mtl_nas.data.schema import Schema
from mtl_nas.design import Design, Histories, Inputs, Level
from mtl_nas.errors import DesignError

Hidden = tuple[int, ...]


def single_task(
    schema: Schema, *, hidden: Hidden = (256, 128), tower: Hidden = (64,), embedding: int = 8, **inputs: Any
) -> Design:
    """A network of its own for each task, embeddings included: what gain is measured against."""
    levels = (Level(specific=1, expert=Expert(hidden=hidden)),) if hidden else ()
    own = Inputs(embedding=embedding, tables="task", **inputs)
    return Design(inputs=own, levels=levels, tower=Tower(hidden=tower))


def shared_bottom(
    schema: Schema, *, hidden: Hidden = (256, 128), tower: Hidden = (64,), embedding: int = 8, **inputs: Any
) -> Design:
    """One bottom network, a tower a task (Caruana, 1997); sizes of DeepCTR. ``hidden=()`` shares embeddings alone."""
    levels = (Level(shared=1, expert=Expert(hidden=hidden)),) if hidden else ()
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=levels, tower=Tower(hidden=tower))


def dupn(
    schema: Schema,
    *,
    history: int = 32,
    attention: Hidden = (64,),
    tower: Hidden = (128, 64),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """A property-gated LSTM over the histories, attention with the row's features, a tower a task (Ni et al., 2018).

    The paper prints neither these sizes nor, legibly, the gates' symbols; the sizes are ours, for two cores.
    """
    if not schema.sequences:
        raise DesignError("dupn reads behaviour sequences, and the data declares none")
    histories = Histories(kind="property_gated_lstm", hidden=history, attention="softmax", attention_hidden=attention)
    read = Inputs(**{"embedding": embedding, "histories": histories, **inputs})
    return Design(inputs=read, tower=Tower(hidden=tower))
