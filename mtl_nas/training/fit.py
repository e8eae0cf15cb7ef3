"""The training loop: batches from a feed, nested shares of the work, the best check kept.

A fit that is saved and loaded goes on exactly as one that was never interrupted.
"""

import io
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtl_nas.architecture import Architecture
from mtl_nas.data import Rows, Schema
from mtl_nas.design import Losses, Training
from mtl_nas.design.training import Precision
from mtl_nas.model import Network, build
from mtl_nas.model.prediction import predict
from mtl_nas.model.row_prediction import predict_rows
from mtl_nas.scoring import Scores, mean_score, score_tasks
from mtl_nas.training.batches import Reading, feed, streams
from mtl_nas.training.negative_sampling import kept_rows
from mtl_nas.training.precision import faster
from mtl_nas.training.schedule import rate_factor
from mtl_nas.training.stepping.gradients import Descent
from mtl_nas.training.stepping.host_memory import keep_freed_memory
from mtl_nas.training.stepping.sparse_tables import large_tables
from mtl_nas.training.stepping.stepper import Stepper

# of weights; bfloat16 is that of states, and auto comes to it or to float32
DTYPES = dict.fromkeys(("float32", "bfloat16", "auto"), torch.float32) | {"float64": torch.float64}
TRIED = 16  # batches whose steps are timed to choose a precision


class DivergedError(Exception):
    """The loss or a prediction is no longer finite."""


@dataclass(frozen=True)
class Check:
    """One look at the tuning rows: ``score`` is the mean over tasks of AUC or R2, ``rows`` the work so far."""

    step: int
    rows: int
    score: float
    scores: Scores


class Fit:
    """One network in training; ``advance`` goes to a share of the work, ``best`` is the best check so far.

    ``task_weights``: of the tasks in a check's score, all alike unless they are given. ``row_wise``: a step moves the
    rows of its batch alone where a table is large. ``beside``: a fit of the same shape, whose tensors of the same rows
    it reads too.
    """

    def __init__(
        self,
        architecture: Architecture,
        losses: Losses,
        training: Training,
        schema: Schema,
        train: Rows,
        tuning: Rows,
        *,
        device: str = "cpu",
        task_weights: Mapping[str, float] | None = None,
        row_wise: bool = True,
        beside: "Fit | None" = None,
    ) -> None:
        keep_freed_memory()
        if training.precision == "auto":
            found = faster_precision(architecture, losses, training, schema, train, device=device)
            training = training.model_copy(update={"precision": found})
        self.training, self.schema, self.device = training, schema, torch.device(device)
        self._score_weights = task_weights or {}
        dtype = DTYPES[training.precision]
        thinned = losses.negatives < 1.0
        chosen = kept_rows(train.labels, schema, losses.negatives, training.seed) if thinned else None
        torch.manual_seed(training.seed)
        self.network = build(architecture, seed=training.seed, dtype=dtype).to(self.device)
        self.train_rows = len(train) if chosen is None else len(chosen)
        epochs, self.batch_size = training.work(self.train_rows)
        self.steps_per_epoch = math.ceil(self.train_rows / self.batch_size)
        self.steps = max(1, round(epochs * self.steps_per_epoch))
        self.large = large_tables(self.network, losses, training, self.steps) if row_wise else None
        self._descent = Descent(self.network, losses, training, schema, self.large)
        self.objective, self.forward = self._descent.objective, self._descent.forward
        reading = Reading(schema, architecture, self.objective.tasks, device=self.device, dtype=dtype)
        self.reading: Reading = beside.reading if beside else reading
        self.feed = feed(train, self.reading, batch_size=self.batch_size, seed=training.seed, chosen=chosen)
        self.tuning = tuning
        self._tuning_features = None if streams(train) else self.reading.kept(tuning)[0]
        self.stepper = Stepper(self._descent, training, self.device)
        self.step = 0
        self.best: Check | None = None
        self.checks: list[Check] = []
        self._best_weights: dict[str, Tensor] = {}
        self.laps: list[tuple[int, float]] = []  # rows and seconds of each uninterrupted stretch of training

    def advance(self, share: float = 1.0) -> Check:
        """Train to that share of the work, looking at the tuning rows there and at the end of each pass."""
        goal = self.step_at(share)
        while self.step < goal and not self.stopped:
            stop = min(goal, (self.step // self.steps_per_epoch + 1) * self.steps_per_epoch)
            self.run(stop)
            self.check()
        if self.best is None:
            self.check()
        assert self.best is not None
        return self.best

    @property
    def stopped(self) -> bool:
        """Patience has run out: that many checks in a row brought nothing better."""
        if self.training.patience is None or self.best is None:
            return False
        return sum(check.step > self.best.step for check in self.checks) >= self.training.patience

    @property
    def rows(self) -> int:
        """Rows trained so far."""
        epochs, steps = divmod(self.step, self.steps_per_epoch)
        return epochs * self.train_rows + min(steps * self.batch_size, self.train_rows)

    @property
    def rows_per_second(self) -> float:
        """Of the training loop alone; the first stretch is left out where there are more."""
        laps = self.laps[1:] or self.laps
        seconds = sum(lap for _, lap in laps)
        return sum(rows for rows, _ in laps) / seconds if seconds else 0.0

    def best_network(self) -> Network:
        """A network with the weights of the best check; the one in training stays as it is."""
        network = Network(self.network.architecture).to(self.device, next(self.network.parameters()).dtype)
        network.load_state_dict(self._best_weights)
        return network

    def save(self) -> bytes:
        """Everything that going on needs; reading it executes nothing."""
        state = {
            "network": self.network.state_dict(),
            "objective": self.objective.state_dict(),
            "direction": self._descent.memory,
            "optimizer": self.stepper.optimizer.state_dict(),
            "large": self.large.state_dict() if self.large else {},
            "best_weights": self._best_weights,
            "random": torch.get_rng_state(),
            "random_of_gpu": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "step": self.step,
            "checks": [asdict(check) for check in self.checks],
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        return buffer.getvalue()

    def load(self, saved: bytes) -> None:
        """Go on from where ``save`` was called."""
        state: dict[str, Any] = torch.load(io.BytesIO(saved), map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.objective.load_state_dict(state["objective"])
        self._descent.memory = state["direction"]
        self.stepper.load(state["optimizer"])
        if self.large:
            self.large.load_state_dict(state["large"])
        self._best_weights = state["best_weights"]
        torch.set_rng_state(state["random"].cpu())
        if self.device.type == "cuda" and state["random_of_gpu"] is not None:
            torch.cuda.set_rng_state(state["random_of_gpu"].cpu(), self.device)
        self.step = state["step"]
        self.checks = [Check(**check) for check in state["checks"]]
        self.best = max(self.checks, key=lambda check: check.score)

    def run(self, stop: int) -> None:
        """Train to that step."""
        self.network.train()
        start, rows = time.perf_counter(), self.rows
        total = torch.zeros((), device=self.device)
        while self.step < stop:
            inputs, found = self.feed.batch(self.step)
            rate = self.rate(self.step)
            total += self.stepper(inputs, found, rate)
            if self.large:
                self.large.step(self.step + 1, rate)
            self._descent.after_step(inputs, found)
            self.step += 1
            if self.step % self.steps_per_epoch == 0:
                self.objective.epoch_ended()
        if not math.isfinite(total.item()):
            raise DivergedError(f"the loss is no longer finite after {self.rows} rows; lower the learning rate")
        self.laps.append((self.rows - rows, time.perf_counter() - start))

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        return self.training.learning_rate * rate_factor(self.training, step / self.steps)

    def check(self) -> None:
        """Look at the tuning rows; a DivergedError where a prediction is not finite."""
        read = self.large.at_present if self.large else None
        if self._tuning_features is None:
            predictions = predict_rows(self.network, self.tuning, self.schema, device=self.device, read=read)
        else:
            predictions = predict(self.network, self._tuning_features, self.schema, read=read)
        if not all(np.isfinite(values).all() for values in predictions.values()):
            raise DivergedError(f"a prediction is no longer finite after {self.rows} rows; lower the learning rate")
        found = score_tasks(predictions, self.tuning, self.schema)
        check = Check(self.step, self.rows, mean_score(found, self.schema, self._score_weights), found)
        self.checks.append(check)
        if self.best is None or check.score > self.best.score:
            self.best = check
            if self.large:
                self.large.settle()
            self._best_weights = {name: value.clone() for name, value in self.network.state_dict().items()}

    def step_at(self, share: float) -> int:
        """The step at which that share of the work is done."""
        return min(self.steps, math.ceil(share * self.steps - 1e-9))


def faster_precision(
    architecture: Architecture, losses: Losses, training: Training, schema: Schema, train: Rows, *, device: str = "cpu"
) -> Precision:
    """What ``auto`` comes to here, by some steps on few rows."""
    return faster(partial(_tried, architecture, losses, training, schema, train, device))


def _tried(
    architecture: Architecture,
    losses: Losses,
    training: Training,
    schema: Schema,
    train: Rows,
    device: str,
    precision: Precision,
) -> Fit:
    """A fit of few rows, to time its steps."""
    _, batch = training.work(len(train))
    few = train.take(slice(None, TRIED * batch))
    asked = training.model_copy(update={"precision": precision, "batch_size": batch, "epochs": 1000.0})
    return Fit(architecture, losses, asked, schema, few, few.take(slice(None, 1)), device=device)
