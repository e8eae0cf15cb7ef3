"""A representation of behaviour sequences that all tasks share."""

from typing import Any

from mtl_nas.blocks import Tower
from mtl_nas.data import Schema
from mtl_nas.design import Design, Histories, Inputs
from mtl_nas.errors import DesignError

Hidden = tuple[int, ...]


def dupn(
    schema: Schema,
    *,
    history: int = 32,
    attention: Hidden = (64,),
    tower: Hidden = (128, 64),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """A property-gated LSTM with attention over behaviour sequences, one tower per task.

    The attention also sees the row's features. The paper prints neither sizes nor, legibly, the symbols of the gates;
    the sizes are this project's.

    Needs: behaviour sequences
    Paper: Ni et al., KDD 2018
    """
    if not schema.sequences:
        raise DesignError("dupn reads behaviour sequences, and the data declares none")
    histories = Histories(kind="property_gated_lstm", hidden=history, attention="softmax", attention_hidden=attention)
    read = Inputs(**{"embedding": embedding, "histories": histories, **inputs})
    return Design(inputs=read, tower=Tower(hidden=tower))
