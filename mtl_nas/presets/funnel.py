"""Tasks along a funnel: products of probabilities, or information passed from step to step."""

from itertools import pairwise
from typing import Any

from mtl_nas.blocks import Expert, Tower
from mtl_nas.data import Schema
from mtl_nas.design import Design, Inputs, Level, Losses, Transfers
from mtl_nas.errors import DesignError

Hidden = tuple[int, ...]


def esmm(schema: Schema, *, hidden: Hidden = (360, 200, 80), embedding: int = 18, **inputs: Any) -> Design:
    """One network per task on shared embeddings; probabilities along the funnel are products.

    Needs: a funnel
    Paper: Ma et al., SIGIR 2018
    """
    _require_funnel("esmm", schema)
    return Design(inputs=Inputs(embedding=embedding, **inputs), tower=Tower(hidden=hidden), funnel="product")


def aitm(
    schema: Schema,
    *,
    hidden: Hidden = (128, 64, 32),
    tower: Hidden = (),
    embedding: int = 5,
    calibrator: float | None = None,
    **inputs: Any,
) -> Design:
    """One network per task; information is passed along the funnel, and a calibrator orders the probabilities.

    The sizes are those of the authors' code, and so is the default weight of the calibrator: 0.6 for two tasks, 0.3 for
    more.

    Needs: a funnel
    Paper: Xi et al., KDD 2021
    """
    _require_funnel("aitm", schema)
    weight = (0.6 if len(schema.tasks) == 2 else 0.3) if calibrator is None else calibrator
    return Design(
        inputs=Inputs(embedding=embedding, **inputs),
        levels=(Level(specific=1, expert=Expert(hidden=hidden)),),
        transfers=Transfers(links=_funnel_links(schema)),
        tower=Tower(hidden=tower),
        losses=Losses(calibrator=weight),
    )


def _require_funnel(name: str, schema: Schema) -> None:
    if not schema.has_funnel:
        raise DesignError(f"{name} needs a funnel, and no task is declared 'after' another")


def _funnel_links(schema: Schema) -> tuple[tuple[str, str], ...] | str:
    """``chain`` where each task is nested in the task declared before it; otherwise the nested pairs, in task order."""
    names = schema.task_names
    pairs = tuple(sorted(schema.nested_pairs, key=lambda pair: tuple(map(names.index, pair))))
    return "chain" if pairs == tuple(pairwise(names)) else pairs
