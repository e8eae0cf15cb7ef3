"""Rows per second of the training loop of mtl_nas.

Not a command: ``measure_once`` imports it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

import mtl_nas as mn
from benchmarks.plain_training import PLAIN
from benchmarks.speed.measurement import Settings, Sizes, random_table
from mtl_nas.architecture import Architecture
from mtl_nas.data import Category, Rows, Schema, Task
from mtl_nas.training import Fit, FitData, FitOptions, Member, settled

EPOCH_LIMIT = 1_000  # epochs of the training, more than any measurement reaches
TUNING_ROWS = 16  # rows scored after each epoch


def rates(sizes: Sizes, settings: Settings) -> list[float]:
    """Rows per second and seed of each epoch after the first, the check on a few tuning rows included."""
    members, clock = [new_member(sizes, settings, seed) for seed in range(settings.seeds)], settings.clock
    fit = Fit(*members)
    fit.advance(1 / EPOCH_LIMIT)  # the first epoch warms up
    epoch_rates: list[float] = []
    start = clock()
    while not epoch_rates or clock() - start < settings.seconds:
        epoch_start, rows_before = clock(), members[0].rows
        fit.advance((len(epoch_rates) + 2) / EPOCH_LIMIT)
        epoch_rates.append((members[0].rows - rows_before) / (clock() - epoch_start))
    return epoch_rates


def new_member(sizes: Sizes, settings: Settings, seed: int = 0) -> Member:
    """Return the member of the measured fit for one seed, before its first step."""
    torch.set_num_threads(settings.threads)
    ids, labels = random_table(sizes)
    rows = Rows(categories=ids, numbers=np.zeros((len(ids), 0), np.float32), sequences={}, labels=labels)
    training = mn.Training(
        **PLAIN, batch_size=settings.batch, epochs=EPOCH_LIMIT, precision=settings.precision, seed=seed
    )
    table_schema = schema(sizes)
    design = preset_of_sizes(sizes, table_schema, norm=settings.norm)
    tuning = rows.take(slice(0, TUNING_ROWS))
    # Labels of one class have no AUC, so that no later check improves on the first and none copies the weights.
    tuning = replace(tuning, labels=np.zeros_like(tuning.labels))
    graph = mn.compose(design, table_schema)
    data = FitData(table_schema, rows, tuning)
    training = settled(training, graph, design.losses, data, device=settings.device)
    member = Member(graph, design.losses, training, data, FitOptions(device=settings.device))
    if settings.compiled:
        member.network.forward = torch.compile(member.network.forward)
    return member


def architecture(sizes: Sizes) -> Architecture:
    """Compose the graph that is trained."""
    table_schema = schema(sizes)
    return mn.compose(preset_of_sizes(sizes, table_schema), table_schema)


def schema(sizes: Sizes) -> Schema:
    """Schema of a table of categories with binary tasks."""
    levels = tuple(map(str, range(sizes.levels)))
    return Schema(
        categories=tuple(Category(name=name, levels=levels) for name in sizes.field_names),
        tasks=tuple(Task(name=name, kind="binary", classes=("0", "1")) for name in sizes.task_names),
    )


def preset_of_sizes(sizes: Sizes, table_schema: Schema, *, norm: str = "none") -> mn.Design:
    """Return the preset in these sizes, with ``norm`` in every hidden layer."""
    options: dict[str, Any] = {"hidden": sizes.hidden, "tower": sizes.tower, "embedding": sizes.embedding}
    if sizes.model == "mmoe":
        options["experts"] = sizes.experts
    else:
        options |= {"levels": sizes.depth, "shared": sizes.shared, "specific": sizes.specific}
    tree = mn.preset(sizes.model, table_schema, **options).model_dump()
    for level in tree["levels"]:
        level["expert"]["norm"] = norm
    tree["tower"]["norm"] = norm
    return mn.Design.model_validate(tree)
