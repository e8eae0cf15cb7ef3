"""Networks for a new task, trained from an old network and from scratch, and compared on test rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from mtl_nas.adaptation.graph_transfer import transfer_graph
from mtl_nas.adaptation.new_task import NewTask
from mtl_nas.adaptation.training import Mode, TransferTraining, train_from_scratch, train_transferred
from mtl_nas.data import Schema, Task
from mtl_nas.model import Network, predict_rows
from mtl_nas.scoring import Interval, SeedScore, paired_interval, score_tasks, seed_score

M = TypeVar("M")  # Model, which is defined above this package


@dataclass(frozen=True)
class Adaptation(Generic[M]):
    """A model of a new task, and how it compares with models trained from scratch on the same rows.

    Attributes:
        new_task: The task that the model has learned.
        like: The old task whose position in the graph the new task takes.
        mode: Which weights were trained: `frozen`, `finetuned` or `inner`.
        rows: Number of rows that trained the model.
        adapted: Test score of the adapted model per seed; None where the test labels are of one class.
        scratch: Test score per seed of the same graph trained from scratch.
        gain: Mean of `adapted` minus mean of `scratch`, with its 95 % interval.
        model: The adapted model of the first seed.
    """

    new_task: Task
    like: str
    mode: Mode
    rows: int
    adapted: tuple[float | None, ...]
    scratch: tuple[float | None, ...]
    gain: Interval
    model: M = field(repr=False, compare=False)

    @property
    def task(self) -> str:
        """Name of the new task."""
        return self.new_task.name

    @property
    def metric(self) -> str:
        """The main metric of the new task, in which `adapted`, `scratch` and `gain` are given."""
        return self.new_task.main_metric


def adapt_network(
    old: Network, data: NewTask, like: str, how: TransferTraining, *, seeds: int, wrap: Callable[[Network, Schema], M]
) -> Adaptation[M]:
    """Train the graph of the new task from the old weights and from scratch, once per seed.

    ``wrap`` makes a model of a network and its schema; the result holds the model of the first seed.
    """
    transfer = transfer_graph(old.architecture, like, data.task)
    how, adapted, scratch = how.settled(transfer, data), [], []
    for seed in range(seeds):
        seeded = how.with_seed(seed)
        adapted.append(train_transferred(old, transfer, data, seeded))
        scratch.append(train_from_scratch(transfer, data, seeded.training))
    adapted_scores, scratch_scores = (
        [_score(network, data) for network in networks] for networks in (adapted, scratch)
    )
    return Adaptation(
        new_task=data.task,
        like=like,
        mode=how.mode,
        rows=len(data.train),
        adapted=tuple(score for score, _ in adapted_scores),
        scratch=tuple(score for score, _ in scratch_scores),
        gain=paired_interval(_defined(adapted_scores), _defined(scratch_scores)),
        model=wrap(adapted[0], data.schema),
    )


def _score(network: Network, data: NewTask) -> tuple[float | None, SeedScore | None]:
    """The main metric on the test rows, and the same with the influence of each block of rows."""
    predictions = predict_rows(network, data.test, data.schema)
    scores = score_tasks(predictions, data.test, data.schema)
    labels = data.test.labels.astype(np.float64)
    return scores[data.task.name][data.task.main_metric], seed_score(predictions, labels, data.schema)


def _defined(scores: Sequence[tuple[float | None, SeedScore | None]]) -> list[SeedScore]:
    return [score for _, score in scores if score is not None]
