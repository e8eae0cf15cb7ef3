"""One large embedding table, stored with the optimizer state of its rows."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mtl_nas.model import InputTensors, TableStage
from mtl_nas.training.adamw import adamw_step
from mtl_nas.training.stepping.host_memory import zeros
from mtl_nas.training.stepping.step_history import StepHistory

BLOCK_ROWS = 2**18  # rows that ``settle`` brings up to date at once
STEP_TYPES = {torch.float32: torch.int32, torch.float64: torch.int64}  # integers as wide as a weight


class BatchRows(NamedTuple):
    """Indices of a batch's rows (U,), copies of their weights, and their optimizer state; (N, U, d) each."""

    rows: Tensor
    weights: Tensor
    exp_avgs: Tensor
    exp_avg_sqs: Tensor


class SparseTable(nn.Module):
    """A table (N, R, d) with the optimizer state of its rows; ``name`` is the name of its parameter.

    ``storage`` (R, 3 * N * d + 1) holds, per row, the weights, of which the table becomes a view, the running means of
    gradients and of their squares, and the step to which the row is up to date, as a whole number in a weight's bits.
    """

    storage: Tensor

    def __init__(self, name: str, stage: TableStage[Any]) -> None:
        super().__init__()
        self.name, self._stage = name, (stage,)  # in a tuple, so that torch does not register the stage here too
        members, rows, width = self.table.shape
        self.register_buffer("storage", zeros(rows, 3 * members * width + 1, self.table))
        weights = self._split(self.storage)[0]
        self.table.data = weights.copy_(self.table.detach())
        self._trained: BatchRows | None = None

    @property
    def table(self) -> nn.Parameter:
        """The embedding table of the network."""
        return self._stage[0].table

    @property
    def last_steps(self) -> Tensor:
        """The step (R,) to which each row is up to date; 0 if no batch has read it."""
        return _last_steps(self.storage)

    def read(
        self, inputs: InputTensors, history: StepHistory, *, trained: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return inputs whose ids index a copy of the batch's rows, and tensors that replace the network's own.

        With ``trained``, the next call of ``step`` updates these rows.
        """
        rows, changed, buffers = self._stage[0].rows_read(inputs)
        batch = self._up_to_date(rows.long(), history)
        if trained:
            self._trained = batch
            batch.weights.requires_grad_()
        prefix = self.name.removesuffix("table")
        return dict(changed), {**{prefix + name: buffer for name, buffer in buffers.items()}, self.name: batch.weights}

    @torch.no_grad()
    def step(self, history: StepHistory) -> None:
        """Update the rows that the last batch read."""
        batch, self._trained = self._trained, None
        if batch is None or batch.weights.grad is None:
            return
        before = torch.full((), float(history.step - 1), device=batch.weights.device)
        adamw_step(
            [batch.weights],
            [batch.weights.grad],
            [batch.exp_avgs],
            [batch.exp_avg_sqs],
            [before],
            rate=history.rate,
            weight_decay=history.weight_decay,
            factors=[1.0],
        )
        self._write(batch, history)

    @torch.no_grad()
    def settle(self, history: StepHistory) -> None:
        """Bring every row up to date; rows that no batch has read have no optimizer state, and only decay."""
        decay, last_steps = history.decay_since_settled(), self.last_steps
        for start in range(0, len(last_steps), BLOCK_ROWS):
            block = last_steps[start : start + BLOCK_ROWS]
            if history.weight_decay:
                self.table[:, start : start + BLOCK_ROWS].mul_(torch.where(block == 0, decay, 1.0).unsqueeze(1))
            rows = block.nonzero().squeeze(1) + start
            if len(rows):
                self._write(self._up_to_date(rows, history), history)

    @torch.no_grad()
    def _up_to_date(self, rows: Tensor, history: StepHistory) -> BatchRows:
        stored = self.storage.index_select(0, rows)
        weights, exp_avgs, exp_avg_sqs = self._split(stored)
        return BatchRows(rows, *history.catch_up(weights, exp_avgs, exp_avg_sqs, _last_steps(stored)))

    def _write(self, batch: BatchRows, history: StepHistory) -> None:
        dtype, device = self.storage.dtype, self.storage.device
        steps = torch.full((len(batch.rows), 1), history.step, dtype=STEP_TYPES[dtype], device=device)
        parts = [tensor.transpose(0, 1).flatten(1) for tensor in (batch.weights, batch.exp_avgs, batch.exp_avg_sqs)]
        self.storage.index_copy_(0, batch.rows, torch.cat([*parts, steps.view(dtype)], dim=1))

    def _split(self, stored: Tensor) -> list[Tensor]:
        """(U, 3 * N * d + 1) -> weights and both running means, (N, U, d) each, as views."""
        members, _, width = self.table.shape
        return [part.view(-1, members, width).transpose(0, 1) for part in stored[:, :-1].chunk(3, dim=1)]


def _last_steps(stored: Tensor) -> Tensor:
    return stored[:, -1].view(STEP_TYPES[stored.dtype])
