"""Train and score one design or architecture, outside of any search."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from mtl_nas.architecture import Architecture, refuse_mismatch
from mtl_nas.composition import MOST_MEMBERS, compose, has_stackable_blocks, one_backward_pass
from mtl_nas.data import Dataset, Rows, Schema
from mtl_nas.design import Design, Losses, Training
from mtl_nas.errors import MtlNasError
from mtl_nas.exports import Model
from mtl_nas.model import Network, in_label_units, predict_rows
from mtl_nas.scoring import Scores, mean_score, score_tasks
from mtl_nas.training import Check, DivergedError, Fit, FitData, FitOptions, Member, settled

Predictions = dict[str, NDArray[np.float64]]
SplitName = Literal["validation", "tuning", "choosing", "test"]


@dataclass(frozen=True)
class Result:
    """A trained network and its scores.

    Attributes:
        scores: Every metric of every task on the requested split.
        score: Mean over tasks of the main metric on that split.
        rows: Train rows read; each epoch counts all of them again.
        seconds: Duration of everything, preparation and scoring included.
        rows_per_second: Speed of the training loop, without preparation and scoring.
        checks: Scores on the tuning rows during training.
        model: The network with the weights of the best check, with the schema of the data.
        predictions: Predictions for the split, by task, in its order of rows.
    """

    scores: Scores
    score: float
    rows: int
    seconds: float
    rows_per_second: float
    checks: tuple[Check, ...]
    model: Model = field(repr=False, compare=False)
    predictions: Predictions = field(repr=False, compare=False)

    @property
    def parameters(self) -> int:
        """Number of trained parameters of the network."""
        return self.model.architecture.parameters


def evaluate(
    what: Design | Architecture,
    data: Dataset,
    training: Training | None = None,
    *,
    split: SplitName = "validation",
    losses: Losses | None = None,
    device: str = "cpu",
) -> Result:
    """Train a design on the train rows with one seed, and score one split.

    The weights of the best check on the tuning rows are the ones that are scored.

    Args:
        what: A design, or an architecture that was composed for the schema of the data.
        data: The data set.
        training: Options of training; the defaults of ``Training`` unless given. ``training.seed`` fixes the result.
        split: Rows to score: ``validation``, its halves ``tuning`` and ``choosing``, or ``test``.
        losses: Losses to use in place of those of the design. An architecture has none of its own: all tasks weigh
            the same unless losses are given.
        device: Name of a torch device, such as ``cpu`` or ``cuda``.

    Returns:
        The scores, the predictions and the trained model.

    Raises:
        DesignError: If the design or the losses do not fit the tasks of the data.
        ArchitectureError: If the architecture was made for other columns or tasks.
        DivergedError: If the loss or a prediction is no longer finite.
        MtlNasError: If there is no such device.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-funnel")
        >>> design = mn.preset("mmoe", data.schema, hidden=(8,), embedding=2)
        >>> result = mn.evaluate(design, data, mn.Training(epochs=0.05, batch_size=512))
        >>> sorted(result.scores["click"])
        ['accuracy', 'auc', 'log_loss']
    """
    training = training or Training()
    return evaluate_seeds(what, data, training, [training.seed], split=split, losses=losses, device=device)[0]


def evaluate_seeds(
    what: Design | Architecture,
    data: Dataset,
    training: Training,
    seeds: Sequence[int],
    *,
    split: SplitName = "validation",
    losses: Losses | None = None,
    device: str = "cpu",
) -> list[Result]:
    """Train a design once per seed, as ``evaluate`` does; a GPU trains several seeds at once.

    Args:
        what: A design, or an architecture that was composed for the schema of the data.
        data: The data set.
        training: Options of training; its seed is replaced.
        seeds: The seeds to train with.
        split: Rows to score.
        losses: Losses to use in place of those of the design.
        device: Name of a torch device.

    Returns:
        One result per seed, in their order.

    Raises:
        DesignError, ArchitectureError, DivergedError, MtlNasError: As ``evaluate`` does.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-funnel")
        >>> design = mn.preset("mmoe", data.schema, hidden=(8,), embedding=2)
        >>> results = evaluate_seeds(design, data, Training(epochs=0.05, batch_size=512), [0, 1])
        >>> len(results)
        2
    """
    refuse_absent(device)
    architecture = compose(what, data.schema) if isinstance(what, Design) else what
    refuse_mismatch(architecture, data.schema)
    losses = losses or (what.losses if isinstance(what, Design) else Losses())
    rows = FitData.of(data)
    training = settled(training, architecture, losses, rows, device=device)
    trainings = [training.model_copy(update={"seed": seed}) for seed in seeds]
    member = partial(Member, architecture, losses, data=rows, options=FitOptions(device=device))
    stacked = device != "cpu" and one_backward_pass(losses, training) and has_stackable_blocks(architecture)
    size = MOST_MEMBERS if stacked else 1
    groups = [trainings[start : start + size] for start in range(0, len(trainings), size)]
    return [result for group in groups for result in _results(member, group, data, split)]


def predict_and_score(
    network: Network, rows: Rows, schema: Schema, *, device: str = "cpu"
) -> tuple[Predictions, Scores]:
    """Return predictions for encoded rows, and their scores."""
    predictions = predict_rows(network, rows, schema, device=device)
    return predictions, score_tasks(predictions, rows, schema)


def refuse_absent(device: str) -> None:
    """Raise MtlNasError if torch has no such device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise MtlNasError(f"no device '{device}' here; say 'cpu', or 'cuda' where torch sees a GPU") from None


def _results(
    member: Callable[..., Member], trainings: Sequence[Training], data: Dataset, split: SplitName
) -> list[Result]:
    """Train all at once, or one after the other if the device has no room for all."""
    if len(trainings) > 1:
        with suppress(torch.cuda.OutOfMemoryError):
            return _trained(member, trainings, data, split)
        torch.cuda.empty_cache()
    return [result for training in trainings for result in _trained(member, [training], data, split)]


def _trained(
    member: Callable[..., Member], trainings: Sequence[Training], data: Dataset, split: SplitName
) -> list[Result]:
    start, members = time.perf_counter(), [member(training) for training in trainings]
    for outcome in Fit(*members).advance():
        if isinstance(outcome, DivergedError):
            raise outcome
    seconds = (time.perf_counter() - start) / len(members)
    return [_result(member, data, split, seconds) for member in members]


def _result(member: Member, data: Dataset, split: SplitName, seconds: float) -> Result:
    """Score a member whose training took some seconds."""
    start, network = time.perf_counter(), member.best_network()
    predictions, scores = predict_and_score(network, data.rows(split), data.schema, device=str(member.device))
    return Result(
        scores=scores,
        score=mean_score(scores, data.schema),
        rows=member.rows,
        seconds=seconds + time.perf_counter() - start,
        rows_per_second=member.rows_per_second,
        checks=tuple(member.checks),
        model=Model(network, data.schema),
        predictions=in_label_units(predictions, data.schema),
    )
