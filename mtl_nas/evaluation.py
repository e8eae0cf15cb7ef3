"""One design, some seeds -> Results: compose, build, fit, predict. Knows nothing of searching."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from mtl_nas.architecture import Architecture
from mtl_nas.architecture.schema_check import refuse_mismatch
from mtl_nas.composition import compose
from mtl_nas.composition.stacking import MOST_MEMBERS, has_stackable_blocks, one_backward_pass
from mtl_nas.data import Dataset, Rows, Schema
from mtl_nas.design import Design, Losses, Training
from mtl_nas.errors import MtlNasError
from mtl_nas.exports import Model
from mtl_nas.model import Network
from mtl_nas.model.row_prediction import predict_rows
from mtl_nas.scoring import Scores, mean_score, score_tasks
from mtl_nas.training import Check, DivergedError, Fit
from mtl_nas.training.stacked_fits import advance_together

Predictions = dict[str, NDArray[np.float64]]
Split = Literal["validation", "tuning", "choosing", "test"]


@dataclass(frozen=True)
class Result:
    """What one training came to. ``scores`` are of the split that was asked for, ``checks`` of the tuning rows."""

    scores: Scores
    score: float
    rows: int  # trained
    seconds: float  # of everything, preparation and evaluation included
    rows_per_second: float  # of the training loop
    parameters: int
    checks: tuple[Check, ...]
    model: Model = field(repr=False, compare=False)
    predictions: Predictions = field(repr=False, compare=False)


def evaluate(
    what: Design | Architecture,
    data: Dataset,
    training: Training | None = None,
    *,
    split: Split = "validation",
    losses: Losses | None = None,
    device: str = "cpu",
) -> Result:
    """Train on the train rows from one seed, keep the best check, score a split.

    An Architecture has no losses of its own: equal weights, unless ``losses`` are given. A DesignError says why a
    design does not fit the data's schema.
    """
    training = training or Training()
    return evaluate_seeds(what, data, training, [training.seed], split=split, losses=losses, device=device)[0]


def evaluate_seeds(
    what: Design | Architecture,
    data: Dataset,
    training: Training,
    seeds: Sequence[int],
    *,
    split: Split = "validation",
    losses: Losses | None = None,
    device: str = "cpu",
) -> list[Result]:
    """A Result for each seed, as ``evaluate`` gives it; a GPU trains them as one, a processor is faster one by one."""
    refuse_absent(device)
    architecture = compose(what, data.schema) if isinstance(what, Design) else what
    refuse_mismatch(architecture, data.schema)
    losses = losses or (what.losses if isinstance(what, Design) else Losses())
    asked = [training.model_copy(update={"seed": seed}) for seed in seeds]
    train, tuning = data.rows("train"), data.rows("tuning")
    begun = partial(Fit, architecture, losses, schema=data.schema, train=train, tuning=tuning, device=device)
    stacked = device != "cpu" and one_backward_pass(losses, training) and has_stackable_blocks(architecture)
    size = MOST_MEMBERS if stacked else 1
    groups = [asked[start : start + size] for start in range(0, len(asked), size)]
    return [result for group in groups for result in _results(begun, group, data, split)]


def refuse_absent(device: str) -> None:
    """An MtlNasError where torch has no such device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise MtlNasError(f"no device '{device}' here; say 'cpu', or 'cuda' where torch sees a GPU") from None


def _results(begun: Callable[..., Fit], trainings: Sequence[Training], data: Dataset, split: Split) -> list[Result]:
    """As one, or one after the other where a GPU has no room for all."""
    if len(trainings) > 1:
        with suppress(torch.cuda.OutOfMemoryError):
            return _as_one(begun, trainings, data, split)
        torch.cuda.empty_cache()
    return [result for training in trainings for result in _as_one(begun, [training], data, split)]


def _as_one(begun: Callable[..., Fit], trainings: Sequence[Training], data: Dataset, split: Split) -> list[Result]:
    start, first = time.perf_counter(), begun(trainings[0])
    fits = [first, *(begun(training, beside=first) for training in trainings[1:])]
    for outcome in advance_together(fits) if len(fits) > 1 else [fits[0].advance()]:
        if isinstance(outcome, DivergedError):
            raise outcome
    seconds = (time.perf_counter() - start) / len(fits)
    return [_result(fit, data, split, seconds) for fit in fits]


def _result(fit: Fit, data: Dataset, split: Split, seconds: float) -> Result:
    """``seconds``: of what was done before."""
    start, network = time.perf_counter(), fit.best_network()
    predictions, found = judge(network, data.rows(split), data.schema, device=str(fit.device))
    return Result(
        scores=found,
        score=mean_score(found, data.schema),
        rows=fit.rows,
        seconds=seconds + time.perf_counter() - start,
        rows_per_second=fit.rows_per_second,
        parameters=network.architecture.parameters,
        checks=tuple(fit.checks),
        model=Model(network, data.schema),
        predictions=predictions,
    )


def judge(network: Network, rows: Rows, schema: Schema, *, device: str = "cpu") -> tuple[Predictions, Scores]:
    """Predictions for rows, and their scores."""
    predictions = predict_rows(network, rows, schema, device=device)
    return predictions, score_tasks(predictions, rows, schema)
