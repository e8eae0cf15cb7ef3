"""Train and score one design or architecture, outside of any search."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from mtl_nas.architecture import Architecture, refuse_mismatch
from mtl_nas.composition import MOST_MEMBERS, compose, has_stackable_blocks, one_backward_pass
from mtl_nas.data import Dataset, Rows, Schema
from mtl_nas.design import Design, Losses, Training
from mtl_nas.errors import MtlNasError
from mtl_nas.exports import Member as ModelMember
from mtl_nas.exports import Model
from mtl_nas.model import Network, in_label_units, predict_rows
from mtl_nas.scoring import Scores, held_out_scores, mean_score, score_tasks
from mtl_nas.training import Check, DivergedError, Fit, FitData, FitOptions, Member, settled

Predictions = dict[str, NDArray[np.float64]]
SplitName = Literal["validation", "tuning", "choosing", "test"]


@dataclass(frozen=True)
class Result:
    """A trained model and its scores.

    With folds, one network is trained per fold, scores are means over the rows that each network did not see, and the
    model is the mean of the networks.

    Attributes:
        scores: Every metric of every task on the requested split.
        score: Mean over tasks of the main metric on that split.
        rows: Train rows read; each epoch counts all of them again.
        seconds: Duration of everything, preparation and scoring included.
        rows_per_second: Speed of the training loop, without preparation and scoring.
        checks: Scores on the tuning rows during training, fold by fold.
        model: The network with the weights of the best check, with the schema of the data; with folds, all networks.
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
        """Number of trained parameters of a network."""
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
    folds = [FitData.of(fold) for fold in data.folds]
    training = settled(training, architecture, losses, folds[0], device=device)
    trainings = [training.model_copy(update={"seed": seed}) for seed in seeds]
    stacked = device != "cpu" and one_backward_pass(losses, training) and has_stackable_blocks(architecture)
    size = MOST_MEMBERS if stacked else 1
    groups = [trainings[start : start + size] for start in range(0, len(trainings), size)]
    results = []
    for group in groups:
        by_fold = []
        for rows in folds:
            member = partial(Member, architecture, losses, data=rows, options=FitOptions(device=device))
            by_fold.append(_networks(member, group))
        results += [_result(networks, data, split, device) for networks in zip(*by_fold, strict=True)]
    return results


def predict_held_out(networks: Sequence[Network], data: Dataset, split: str, *, device: str = "cpu") -> Predictions:
    """Return predictions for the rows of a split, in their order, by the networks of a model, one per fold.

    The network of a fold predicts the rows of that fold, and test rows are predicted by the mean of all networks.
    """
    rows = data.rows(split)
    if len(networks) == 1:
        return predict_rows(networks[0], rows, data.schema, device=device)
    held_out = data.held_out(split)
    times = np.bincount(np.concatenate(held_out), minlength=len(rows))  # that each row is predicted
    sums: Predictions = {}
    for network, fold in zip(networks, held_out, strict=True):
        for head, values in predict_rows(network, rows.take(fold), data.schema, device=device).items():
            total = sums.setdefault(head, np.zeros((len(rows), *values.shape[1:])))
            total[fold] += values
    return {head: (total.T / times).T for head, total in sums.items()}


def model_of(networks: Sequence[Network], schema: Schema) -> Model:
    """Return the model of one network, or the mean of the networks of all folds."""
    if len(networks) == 1:
        return Model(networks[0], schema)
    share = 1 / len(networks)
    return Model([ModelMember(f"fold {fold}", share, network) for fold, network in enumerate(networks, 1)], schema)


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


@dataclass(frozen=True)
class _Trained:
    """A trained network, with what its training took."""

    network: Network
    rows: int
    seconds: float
    rows_per_second: float
    checks: tuple[Check, ...]


def _networks(member: Callable[..., Member], trainings: Sequence[Training]) -> list[_Trained]:
    """Train all at once, or one after the other if the device has no room for all."""
    if len(trainings) > 1:
        with suppress(torch.cuda.OutOfMemoryError):
            return _trained(member, trainings)
        torch.cuda.empty_cache()
    return [network for training in trainings for network in _trained(member, [training])]


def _trained(member: Callable[..., Member], trainings: Sequence[Training]) -> list[_Trained]:
    start, members = time.perf_counter(), [member(training) for training in trainings]
    for outcome in Fit(*members).advance():
        if isinstance(outcome, DivergedError):
            raise outcome
    seconds = (time.perf_counter() - start) / len(members)
    return [
        _Trained(member.best_network(), member.rows, seconds, member.rows_per_second, tuple(member.checks))
        for member in members
    ]


def _result(trained: Sequence[_Trained], data: Dataset, split: SplitName, device: str) -> Result:
    """Score the networks of all folds, or the one network if there are none."""
    start, networks = time.perf_counter(), [each.network for each in trained]
    predictions = predict_held_out(networks, data, split, device=device)
    scores = held_out_scores(predictions, data, split)
    return Result(
        scores=scores,
        score=mean_score(scores, data.schema),
        rows=sum(each.rows for each in trained),
        seconds=sum(each.seconds for each in trained) + time.perf_counter() - start,
        rows_per_second=fmean(each.rows_per_second for each in trained),
        checks=tuple(check for each in trained for check in each.checks),
        model=model_of(networks, data.schema),
        predictions=in_label_units(predictions, data.schema),
    )
