"""Tasks along a funnel: products of probabilities, information passed on."""

from itertools import pairwise
from typing import Any

from mtl_nas.blocks import Expert, Tower
from mtl_nas.data.schema import Schema
from mtl_nas.design import Design, Inputs, Level, Losses, Transfers
from mtl_nas.errors import DesignError

Hidden = tuple[int, ...]


def esmm(schema: Schema, *, hidden: Hidden = (360, 200, 80), embedding: int = 18, **inputs: Any) -> Design:
    """Shared embeddings, a network a task, funnel probabilities as products (Ma et al., 2018, ESMM)."""
    _needs_funnel("esmm", schema)
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
    """A network a task, information passed along the funnel, calibrated (Xi et al., 2021); sizes of the official code.

    The calibrator weighs .6 for two tasks and .3 for more, as there.
    """
    _needs_funnel("aitm", schema)
    weight = (0.6 if len(schema.tasks) == 2 else 0.3) if calibrator is None else calibrator
    return Design(
        inputs=Inputs(embedding=embedding, **inputs),
        levels=(Level(specific=1, expert=Expert(hidden=hidden)),),
        transfers=Transfers(links=_funnel(schema)),
        tower=Tower(hidden=tower),
        losses=Losses(calibrator=weight),
    )


def _needs_funnel(name: str, schema: Schema) -> None:
    if not schema.has_funnel:
        raise DesignError(f"{name} needs a funnel, and no task is declared 'after' another")


def _funnel(schema: Schema) -> tuple[tuple[str, str], ...] | str:
    """``chain`` where each task follows the one before it; the nested pairs, in the order of the tasks, otherwise."""
    names = schema.task_names
    pairs = tuple(sorted(schema.nested_pairs, key=lambda pair: tuple(map(names.index, pair))))
    return "chain" if pairs == tuple(pairwise(names)) else pairs
