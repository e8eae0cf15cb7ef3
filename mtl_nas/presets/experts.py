"""Experts mixed by gates: on one level or several, shared or task-specific."""

from typing import Any

from mtl_nas.blocks import Expert, Layers, Tower
from mtl_nas.data import Schema
from mtl_nas.design import Critics, Design, GateOptions, Gating, Inputs, Level
from mtl_nas.errors import DesignError

Hidden = tuple[int, ...]


def omoe(
    schema: Schema,
    *,
    experts: int = 4,
    hidden: Hidden = (128, 64),
    tower: Hidden = (64,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Shared experts, mixed by one gate for all tasks.

    The sizes are this project's; those of the paper are of a made-up table.

    Paper: Ma et al., KDD 2018
    """
    level = Level(shared=experts, expert=Expert(hidden=hidden), mixing=Gating(placement="all"))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), tower=Tower(hidden=tower))


def mmoe(
    schema: Schema,
    *,
    experts: int = 4,
    hidden: Hidden = (128, 64),
    tower: Hidden = (64,),
    embedding: int = 8,
    **inputs: Any,
) -> Design:
    """Shared experts, mixed by one gate per task.

    The sizes are this project's; those of the paper are of a made-up table.

    Paper: Ma et al., KDD 2018
    """
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
    """Levels of MMoE, with one gate per expert of the level above.

    All gates read the features. The model is a baseline of the PLE paper.

    Paper: Tang et al., RecSys 2020
    """
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
    """Customized gate control: shared and task-specific experts on one level.

    The sizes are those of DeepCTR.

    Paper: Tang et al., RecSys 2020
    """
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
    """Progressive layered extraction: levels of CGC with a shared state between them.

    The sizes are those of DeepCTR.

    Paper: Tang et al., RecSys 2020
    """
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
    """Task-to-task fusion: a gate over all tasks' experts plus a learned sum of the task's own experts.

    Without shared experts it is AdaTT-sp. The sizes are this project's; the paper's belong to its own data.

    Paper: Li et al., KDD 2023
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
    """Embedding tables per task and shared ones; gates read other tasks' experts without training them.

    The hidden layers of the gates are published. Experts and tower are smaller: the authors' code has one shared and
    one task-specific expert of 512-256-128 by default and a tower of 128-64.

    Paper: Su et al., AAAI 2024
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
    """A level of experts per family of tasks, then a level of experts per task.

    Experts are normalised Swish layers behind a gate on their features, of rank ``rank``; a self-gate adds each task's
    own experts. There is no official code.

    Needs: families of tasks
    Paper: Wang et al., 2024
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
    """Experts and critics that all tasks share, mixed by gates that read the fields and a task embedding.

    Both gates have a bias, as in the authors' code. ``gate=()`` gives the linear gates of MTReclib. Tasks are trained
    jointly unless ``Training(meta=Meta())`` asks for meta-learning.

    Paper: Zhu et al., KDD 2021
    """
    options: dict[str, Any] = {"query": "fields", "tied": True, "hidden": gate, "bias": True}
    level = Level(shared=experts, expert=Expert(hidden=hidden), mixing=Gating(**options))
    heads = Critics(count=critics, critic=Layers(hidden=critic), gate=GateOptions(**options))
    return Design(inputs=Inputs(embedding=embedding, **inputs), levels=(level,), critics=heads)
