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
from mtl_nas.training import Fit
from mtl_nas.training.stacked_fits import advance_together

MOST_EPOCHS = 1_000  # a training may have; none is reached
TUNING_ROWS = 16  # looked at after each epoch


def rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Rows a second, of one seed, in each epoch after the first; a look at a few tuning rows ends each."""
    fits, clock = [fitted(sizes, measured, seed) for seed in range(measured.seeds)], measured.clock

    def advance(epochs: int) -> None:
        if len(fits) > 1:
            advance_together(fits, epochs / MOST_EPOCHS)
        else:
            fits[0].advance(epochs / MOST_EPOCHS)

    advance(1)  # warms up
    rates: list[float] = []
    begun = clock()
    while not rates or clock() - begun < measured.seconds:
        start, rows = clock(), fits[0].rows
        advance(len(rates) + 2)
        rates.append((fits[0].rows - rows) / (clock() - start))
    return rates


def fitted(sizes: Sizes, measured: Measured, seed: int = 0) -> Fit:
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
    fit = Fit(made, design.losses, training, of_sizes, rows, tuning, device=measured.device)
    if measured.compiled:
        fit.network.forward = torch.compile(fit.network.forward)
    return fit


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
