"""One network in training: its weights, batches, optimizer and checks."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from mtl_nas.architecture import Architecture
from mtl_nas.design import Losses, Training
from mtl_nas.errors import DesignError
from mtl_nas.model import Network, build, predict, predict_rows
from mtl_nas.scoring import mean_score, score_tasks
from mtl_nas.training.adamw import make_optimizer
from mtl_nas.training.averaging import WeightAverage
from mtl_nas.training.batches import is_streamed, make_batches
from mtl_nas.training.checkpoint import Checkpoint
from mtl_nas.training.checks import Check, DivergedError, Outcome
from mtl_nas.training.fit_data import FitData, FitOptions
from mtl_nas.training.negative_sampling import kept_rows
from mtl_nas.training.schedule import rate_factor
from mtl_nas.training.stepping import cuda_graph
from mtl_nas.training.stepping.gradients import BackwardPass
from mtl_nas.training.stepping.host_memory import keep_freed_memory
from mtl_nas.training.stepping.sparse_tables import sparse_tables

# type of the weights by precision; with bfloat16, which auto may choose, only activations are half precision
WEIGHT_DTYPES = dict.fromkeys(("float32", "bfloat16", "auto"), torch.float32) | {"float64": torch.float64}
DEFAULTS = FitOptions()


class Member:
    """A network with everything that training changes; a ``Fit`` trains it.

    ``training.precision`` must not be ``auto``; ``settled`` replaces it. A member that is restored from a checkpoint
    continues exactly as an uninterrupted one.
    """

    def __init__(
        self,
        architecture: Architecture,
        losses: Losses,
        training: Training,
        data: FitData,
        options: FitOptions = DEFAULTS,
    ) -> None:
        if training.precision == "auto":
            raise DesignError("training.precision is auto: choose float32 or bfloat16 before training begins")
        keep_freed_memory()
        self.training, self.data, self.options = training, data, options
        self.device = torch.device(options.device)
        dtype = WEIGHT_DTYPES[training.precision]
        sampled = losses.negatives < 1.0
        row_indices = kept_rows(data.train.labels, data.schema, losses.negatives, training.seed) if sampled else None
        torch.manual_seed(training.seed)
        self.network = build(architecture, seed=training.seed, dtype=dtype).to(self.device)
        self.train_rows = len(data.train) if row_indices is None else len(row_indices)
        epochs, self.batch_size = training.work(self.train_rows)
        self.steps_per_epoch = math.ceil(self.train_rows / self.batch_size)
        self.steps = max(1, round(epochs * self.steps_per_epoch))
        self.sparse = sparse_tables(self.network, losses, training, self.steps) if options.sparse_updates else None
        self.backward = BackwardPass(self.network, losses, training, data.schema, self.sparse)
        self.objective = self.backward.objective
        tensors = data.tensors(architecture, device=self.device, dtype=dtype)
        self.batches = make_batches(
            data.train, tensors, batch_size=self.batch_size, seed=training.seed, row_indices=row_indices
        )
        self.tuning_inputs = None if is_streamed(data.train) else tensors.resident(data.tuning)[0]
        self.replayable = self.device.type in cuda_graph.DEVICES and self.backward.repeats
        dense = [weight for weight in self.parameters if not (self.sparse and self.sparse.owns(weight))]
        self.optimizer = make_optimizer(dense, training, self.network, capturable=self.replayable)
        self.average = WeightAverage(self.network, training.average) if training.average else None
        self.step = 0
        self.checks: list[Check] = []
        self.best: Check | None = None
        self.problem: DivergedError | None = None
        self.laps: list[tuple[int, float]] = []  # rows and seconds of each uninterrupted stretch of training
        self._best_weights: Mapping[str, Tensor] = {}

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Parameters of the network, then those of the objective."""
        return [*self.network.parameters(), *self.objective.parameters()]

    @property
    def rows(self) -> int:
        """Train rows read so far; a member that stopped within a stack reads no more."""
        step = self.checks[-1].step if self.stopped and self.problem is None else self.step
        epochs, steps = divmod(step, self.steps_per_epoch)
        return epochs * self.train_rows + min(steps * self.batch_size, self.train_rows)

    @property
    def rows_per_second(self) -> float:
        """Speed of the training loop alone, without its first stretch, which includes warm-up, if there are others."""
        laps = self.laps[1:] or self.laps
        seconds = sum(lap for _, lap in laps)
        return sum(rows for rows, _ in laps) / seconds if seconds else 0.0

    @property
    def stopped(self) -> bool:
        """Whether training ended early: it diverged, or brought no better score for as long as ``patience`` says."""
        if self.problem is not None:
            return True
        patience = self.training.patience
        if patience is None or self.best is None:
            return False
        if patience < 1:
            return self.checks[-1].step - self.best.step >= patience * self.steps
        return sum(check.step > self.best.step for check in self.checks) >= patience

    @property
    def outcome(self) -> Outcome:
        """The best check so far, or why there is none."""
        outcome = self.problem or self.best
        assert outcome is not None
        return outcome

    def step_at(self, share: float) -> int:
        """Return the step at which a share of the work is done."""
        return min(self.steps, math.ceil(share * self.steps - 1e-9))

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.training.learning_rate * rate_factor(self.training, step / self.steps)

    def diverged(self, what: str) -> None:
        """Record that training failed; steps may go on, as in a stack, but the outcome is the error."""
        self.problem = DivergedError(f"{what} is no longer finite after {self.rows} rows; lower the learning rate")

    def check(self) -> None:
        """Score the tuning rows, and keep the weights, or their average, if they are the best so far."""
        if self.stopped:
            return
        if self.average is not None and (self.step % self.steps_per_epoch == 0 or self.step == self.steps):
            self.average.add(self._settled_weights())
        average = self.average.network if self.average is not None and self.average.count else None
        network = average or self.network
        data, overrides = self.data, self.sparse.for_prediction if self.sparse and average is None else None
        if self.tuning_inputs is None:
            predictions = predict_rows(network, data.tuning, data.schema, device=self.device, read=overrides)
        else:
            predictions = predict(network, self.tuning_inputs, data.schema, read=overrides)
        if not all(np.isfinite(values).all() for values in predictions.values()):
            self.diverged("a prediction")
            return
        scores = score_tasks(predictions, data.tuning, data.schema)
        score = mean_score(scores, data.schema, self.options.task_weights)
        check = Check(self.step, self.rows, score, scores)
        self.checks.append(check)
        if self.best is None or check.score > self.best.score:
            self.best = check
            weights = self._settled_weights() if average is None else average.state_dict()
            self._best_weights = {name: value.clone() for name, value in weights.items()}

    def best_network(self) -> Network:
        """Return a new network with the weights of the best check."""
        network = Network(self.network.architecture).to(self.device, next(self.network.parameters()).dtype)
        network.load_state_dict(self._best_weights)
        return network

    def _settled_weights(self) -> Mapping[str, Tensor]:
        """Return the state of the network, every row of a large table up to date."""
        if self.sparse:
            self.sparse.settle()
        return self.network.state_dict()

    def checkpoint(self) -> Checkpoint:
        """Return the state from which ``restore`` continues."""
        return Checkpoint(
            step=self.step,
            checks=tuple(self.checks),
            network=self.network.state_dict(),
            best_weights=self._best_weights,
            backward=self.backward.state_dict(),
            optimizer=self.optimizer.state_dict(),
            average=self.average.state_dict() if self.average else {},
            random_states=(
                torch.get_rng_state(),
                torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            ),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of an equal member; call this before the member is given to a ``Fit``."""
        self.network.load_state_dict(checkpoint.network)
        self.backward.load_state_dict(checkpoint.backward)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        if self.average:
            self.average.load_state_dict(checkpoint.average)
        self._best_weights = checkpoint.best_weights
        cpu_state, gpu_state = checkpoint.random_states
        torch.set_rng_state(cpu_state)
        if self.device.type == "cuda" and gpu_state is not None:
            torch.cuda.set_rng_state(gpu_state, self.device)
        self.step, self.checks = checkpoint.step, list(checkpoint.checks)
        self.best = max(self.checks, key=lambda check: check.score)
