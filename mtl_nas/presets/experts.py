"""Experts under gates: one level or several, shared or of each task."""

from typing import Any

from mtl_nas.blocks import Expert, Layers, Tower
from mtl_nas.data.schema import Schema
from mtl_nas.design import Critics, Design, Gating, Inputs, Level, Weighing
from mtl_nas.errors import DesignError

Hidden = tuple[int, ...]


def omoe(
    schema: Schema, *, experts: int = 8, hidden: Hidden = (16,), tower: Hidden = (8,), embedding: int = 8, **inputs: Any
) -> Design:
    """Experts under one gate for all tasks: the baseline of Ma et al. (2018)."""
    level = Level(shared=experts, expert=Expert(hidden=hidden), mixing=Gating(placement="all"))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), tower=Tower(hidden=tower))


def mmoe(
    schema: Schema, *, experts: int = 8, hidden: Hidden = (16,), tower: Hidden = (8,), embedding: int = 8, **inputs: Any
) -> Design:
    """Shared experts, a gate a task (Ma et al., 2018)."""
    level = Level(shared=experts, expert=Expert(hidden=hidden))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), tower=Tower(hidden=tower))


def mlmmoe(
    schema: Schema,
    *,
    levels: int = 2,
    experts: int = 4,
    hidden: Hidden = (64,),
    tower: Hidden = (16,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Levels of MMoE: a gate for each expert above, all gates ask the features; a baseline of Tang et al. (2020)."""
    gating = Gating(placement="expert", query="features")
    level = Level(shared=experts, expert=Expert(hidden=hidden), mixing=gating)
    read = Inputs(embedding=embedding, **inputs)
    return Design(inputs=read, levels=(level,) * levels, tower=Tower(hidden=tower))


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


def adatt(
    schema: Schema,
    *,
    levels: int = 2,
    shared: int = 0,
    specific: int = 2,
    hidden: Hidden = (64,),
    tower: Hidden = (16,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Task-to-task fusion: a gate over all tasks' experts and a learned sum of its own (AdaTT, Li et al., 2023).

    Without shared experts AdaTT-sp; sizes are ours, as the paper's are of its own data.
    """
    gating = Gating(sees="all", bias=True, residual="linear")
    level = Level(shared=shared, specific=specific, expert=Expert(hidden=hidden), mixing=gating)
    read = Inputs(embedding=embedding, **inputs)
    return Design(inputs=read, levels=(level,) * levels, tower=Tower(hidden=tower))


def stem(
    schema: Schema,
    *,
    shared: int = 1,
    specific: int = 1,
    hidden: Hidden = (256, 128),
    gate: Hidden = (128, 64),
    tower: Hidden = (64,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Tables a task and shared ones; gates see all experts but train no other task's (STEM-Net, Su et al., 2024).

    Hidden layers of gates as published; experts of half their number and width.
    """
    gating = Gating(sees="all", stop_gradient=True, query="joint", hidden=gate, bias=True)
    level = Level(shared=shared, specific=specific, expert=Expert(hidden=hidden), mixing=gating)
    read = Inputs(embedding=embedding, tables="task", **inputs)
    return Design(inputs=read, levels=(level,), tower=Tower(hidden=tower))


def home(
    schema: Schema,
    *,
    shared: int = 1,
    family: int = 1,
    specific: int = 1,
    hidden: Hidden = (64,),
    rank: int = 8,
    tower: Hidden = (32,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Families of tasks, then tasks; normalised Swish experts, gates on features, self-gates (Wang et al., 2024).

    There is no official code; one feature gate of that rank an expert.
    """
    if all(task.family is None for task in schema.tasks):
        raise DesignError("home needs families of tasks, and no task is declared with a 'family'")
    expert = Expert(hidden=hidden, norm="batch", activation="silu", feature_gate=rank)
    meta = Level(shared=shared, family=family, expert=expert, mixing=Gating(placement="family"))
    task = Level(shared=shared, family=family, specific=specific, expert=expert, mixing=Gating(residual="gate"))
    read = Inputs(embedding=embedding, **inputs)
    return Design(inputs=read, levels=(meta, task), tower=Tower(hidden=tower))


def metaheac(
    schema: Schema,
    *,
    experts: int = 8,
    critics: int = 5,
    hidden: Hidden = (64, 64),
    gate: Hidden = (64,),
    critic: Hidden = (),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Experts and critics that all tasks share, gated by fields and a task embedding (MetaHeac, Zhu et al., 2021).

    Both gates have a bias, as in the authors' code. ``gate=()`` gives the linear gates of MTReclib. Tasks are trained
    jointly unless ``Training(meta=Meta())`` asks for meta-learning.
    """
    options: dict[str, Any] = {"query": "fields", "tied": True, "hidden": gate, "bias": True}
    level = Level(shared=experts, expert=Expert(hidden=hidden), mixing=Gating(**options))
    heads = Critics(count=critics, critic=Layers(hidden=critic), gate=Weighing(**options))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), critics=heads)
