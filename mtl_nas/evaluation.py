"""One design, one seed -> a Result: compose, build, fit, predict. Knows nothing of searching."""

import time
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mtl_nas.architecture import Architecture
from mtl_nas.architecture.match import refuse_mismatch
from mtl_nas.composition import compose
from mtl_nas.data import Dataset, Rows, Schema
from mtl_nas.design import Design, Losses, Training
from mtl_nas.model import Network
from mtl_nas.model.reading import predict_rows
from mtl_nas.training import Check, Fit
from mtl_nas.training.fit import Scores, mean_score, score_tasks

Predictions = dict[str, NDArray[np.float64]]


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
    network: Network = field(repr=False, compare=False)
    predictions: Predictions = field(repr=False, compare=False)


def evaluate(
    what: Design | Architecture,
    data: Dataset,
    training: Training | None = None,
    *,
    split: Literal["validation", "tuning", "choosing", "test"] = "validation",
    losses: Losses | None = None,
    device: str = "cpu",
) -> Result:
    """Train on the train rows from one seed, keep the best check, score a split.

    An Architecture has no losses of its own: equal weights, unless ``losses`` are given. A DesignError says why a
    design does not fit the data's schema.
    """
    start = time.perf_counter()
    training = training or Training()
    architecture = compose(what, data.schema) if isinstance(what, Design) else what
    refuse_mismatch(architecture, data.schema)
    losses = losses or (what.losses if isinstance(what, Design) else Losses())
    fit = Fit(architecture, losses, training, data.schema, data.rows("train"), data.rows("tuning"), device=device)
    fit.advance()
    network = fit.best_network()
    predictions, found = judge(network, data.rows(split), data.schema, device=device)
    return Result(
        scores=found,
        score=mean_score(found, data.schema),
        rows=fit.rows,
        seconds=time.perf_counter() - start,
        rows_per_second=fit.rows_per_second,
        parameters=architecture.parameters,
        checks=tuple(fit.checks),
        network=network,
        predictions=predictions,
    )


def judge(network: Network, rows: Rows, schema: Schema, *, device: str = "cpu") -> tuple[Predictions, Scores]:
    """Predictions for rows, and their scores."""
    predictions = predict_rows(network, rows, schema, device=device)
    return predictions, score_tasks(predictions, rows, schema)
