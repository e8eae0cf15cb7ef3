"""Presets: the hand designs of the literature, with the sizes their authors or their best-known library published.

The module is not named after its functions, so that ``mtl_nas.preset`` is always the function.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from mtl_nas.blocks import Expert, Tower
from mtl_nas.data.schema import Schema
from mtl_nas.design import Design, Gating, Inputs, Level, Losses, Transfers
from mtl_nas.errors import DesignError
from mtl_nas.values import nearest

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


def omoe(
    schema: Schema, *, experts: int = 8, hidden: Hidden = (16,), tower: Hidden = (8,), embedding: int = 8, **inputs: Any
) -> Design:
    """Experts under one gate for all tasks: the baseline of Ma et al. (2018)."""
    level = Level(shared=experts, expert=Expert(hidden=hidden), gate=Gating(placement="all"))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), tower=Tower(hidden=tower))


def mmoe(
    schema: Schema, *, experts: int = 8, hidden: Hidden = (16,), tower: Hidden = (8,), embedding: int = 8, **inputs: Any
) -> Design:
    """Shared experts, a gate a task (Ma et al., 2018)."""
    level = Level(shared=experts, expert=Expert(hidden=hidden))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), tower=Tower(hidden=tower))


def cgc(
    schema: Schema,
    *,
    shared: int = 1,
    specific: int = 1,
    hidden: Hidden = (256,),
    tower: Hidden = (64,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Customized gate control: shared and task-specific experts on one level (Tang et al., 2020); sizes of DeepCTR."""
    level = Level(shared=shared, specific=specific, expert=Expert(hidden=hidden))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), tower=Tower(hidden=tower))


def ple(
    schema: Schema,
    *,
    levels: int = 2,
    shared: int = 1,
    specific: int = 1,
    hidden: Hidden = (256,),
    tower: Hidden = (64,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Progressive layered extraction: levels of CGC with a shared state between them (Tang et al., 2020)."""
    level = Level(shared=shared, specific=specific, expert=Expert(hidden=hidden))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,) * levels, tower=Tower(hidden=tower))


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


PRESETS: dict[str, Callable[..., Design]] = {
    "single_task": single_task,
    "shared_bottom": shared_bottom,
    "omoe": omoe,
    "mmoe": mmoe,
    "cgc": cgc,
    "ple": ple,
    "esmm": esmm,
    "aitm": aitm,
}


def preset(name: str, schema: Schema, **sizes: Any) -> Design:
    """The hand design of that name; sizes are keywords of its function, for example ``experts=8, hidden=(64, 32)``."""
    if name not in PRESETS:
        raise DesignError(f"no preset '{name}'; presets: {', '.join(PRESETS)}{nearest(name, PRESETS)}")
    return PRESETS[name](schema, **sizes)


def presets() -> tuple[str, ...]:
    """Names that ``preset`` knows."""
    return tuple(PRESETS)


def fitting(schema: Schema) -> tuple[dict[str, Design], dict[str, str]]:
    """The presets that fit the schema, and for each other one the reason why it does not."""
    designs: dict[str, Design] = {}
    reasons: dict[str, str] = {}
    for name in PRESETS:
        try:
            designs[name] = preset(name, schema)
        except DesignError as problem:
            reasons[name] = str(problem)
    return designs, reasons


def _needs_funnel(name: str, schema: Schema) -> None:
    if not schema.has_funnel:
        raise DesignError(f"{name} needs a funnel, and no task is declared 'after' another")


def _funnel(schema: Schema) -> tuple[tuple[str, str], ...] | str:
    """``chain`` where each task follows the one before it; the nested pairs, in the order of the tasks, otherwise."""
    names = schema.task_names
    pairs = tuple(sorted(schema.nested_pairs, key=lambda pair: tuple(map(names.index, pair))))
    return "chain" if pairs == tuple(pairwise(names)) else pairs
