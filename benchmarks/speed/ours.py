"""Rows a second of our own training loop."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

import mtl_nas as mn
from benchmarks.speed.sizes import Measured, Sizes, drawn
from mtl_nas.architecture import Architecture
from mtl_nas.data import Rows, Schema
from mtl_nas.data.schema import Category, Task
from mtl_nas.training import Fit, FitData, FitOptions, Member, settled

MOST_EPOCHS = 1_000  # a training may have; none is reached
TUNING_ROWS = 16  # looked at after each epoch


def rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Rows a second, of one seed, in each epoch after the first; a look at a few tuning rows ends each."""
    members, clock = [begun(sizes, measured, seed) for seed in range(measured.seeds)], measured.clock
    fit = Fit(*members)
    fit.advance(1 / MOST_EPOCHS)  # warms up
    rates: list[float] = []
    first = clock()
    while not rates or clock() - first < measured.seconds:
        start, rows = clock(), members[0].rows
        fit.advance((len(rates) + 2) / MOST_EPOCHS)
        rates.append((members[0].rows - rows) / (clock() - start))
    return rates


def begun(sizes: Sizes, measured: Measured, seed: int = 0) -> Member:
    """A training that has not begun."""
    torch.set_num_threads(measured.threads)
    ids, labels = drawn(sizes)
    rows = Rows(categories=ids, numbers=np.zeros((len(ids), 0), np.float32), sequences={}, labels=labels)
    training = mn.Training(batch_size=measured.batch, epochs=MOST_EPOCHS, precision=measured.precision, seed=seed)
    of_sizes = schema(sizes)
    design = designed(sizes, of_sizes, norm=measured.norm)
    tuning = rows.take(slice(0, TUNING_ROWS))
    tuning = replace(tuning, labels=np.zeros_like(tuning.labels))  # no score: no weights are kept but the first ones
    made = mn.compose(design, of_sizes)
    data, options = FitData(of_sizes, rows, tuning), FitOptions(device=measured.device)
    member = Member(
        made, design.losses, settled(training, made, design.losses, data, device=measured.device), data, options
    )
    if measured.compiled:
        member.network.forward = torch.compile(member.network.forward)
    return member


def graph(sizes: Sizes) -> Architecture:
    """What is trained."""
    of_sizes = schema(sizes)
    return mn.compose(designed(sizes, of_sizes), of_sizes)


def schema(sizes: Sizes) -> Schema:
    """Categories and binary tasks."""
    levels = tuple(map(str, range(sizes.levels)))
    return Schema(
        categories=tuple(Category(name=name, levels=levels) for name in sizes.fields_named),
        tasks=tuple(Task(name=name, kind="binary", classes=("0", "1")) for name in sizes.tasks_named),
    )


def designed(sizes: Sizes, of_sizes: Schema, *, norm: str = "none") -> mn.Design:
    """The preset in these sizes; ``norm`` of every hidden layer."""
    options: dict[str, Any] = {"hidden": sizes.hidden, "tower": sizes.tower, "embedding": sizes.embedding}
    if sizes.model == "mmoe":
        options["experts"] = sizes.experts
    else:
        options |= {"levels": sizes.depth, "shared": sizes.shared, "specific": sizes.specific}
    tree = mn.preset(sizes.model, of_sizes, **options).model_dump()
    for level in tree["levels"]:
        level["expert"]["norm"] = norm
    tree["tower"]["norm"] = norm
    return mn.Design.model_validate(tree)
