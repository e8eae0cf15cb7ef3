"""Batches of train rows: from tensors that stay on the device, or from blocks of rows that are read from files.

Both depend on the seed and the step only, so that a restored training reads the same batches as an uninterrupted one.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtl_nas.architecture import Architecture
from mtl_nas.data import Rows, Schema, joined
from mtl_nas.model import InputTensors, input_tensors
from mtl_nas.random_streams import STREAMED_ROWS, epoch_order_seed, training_stream
from mtl_nas.training.losses import BatchTargets

RESIDENT_BYTES = 2**28  # size of stored train rows above which they are streamed
BLOCK_ROWS = 2**18  # rows that are shuffled at once
RUN_ROWS = 2**12  # neighbouring rows that are read at once


class RowTensors:
    """Encoded rows -> the tensors that an architecture and its losses read, on one device."""

    def __init__(self, schema: Schema, architecture: Architecture, *, device: torch.device, dtype: torch.dtype) -> None:
        self._schema, self._architecture, self._device, self._dtype = schema, architecture, device, dtype
        self._resident: list[tuple[Rows, tuple[InputTensors, BatchTargets]]] = []

    def gives_the_same_as(self, other: "RowTensors") -> bool:
        """Return whether both make the same tensors of the same rows."""
        return (self._architecture, self._device, self._dtype) == (other._architecture, other._device, other._dtype)

    def resident(self, rows: Rows) -> tuple[InputTensors, BatchTargets]:
        """Return inputs and targets of rows; a second call with the same rows returns the same tensors."""
        for earlier, tensors in self._resident:
            if earlier is rows:
                return tensors
        self._resident.append((rows, (self.inputs(rows), self.targets(rows))))
        return self._resident[-1][1]

    def inputs(self, rows: Rows) -> InputTensors:
        """Return the inputs of the network."""
        return input_tensors(rows, self._schema, self._architecture, device=self._device)

    def targets(self, rows: Rows) -> BatchTargets:
        """Return labels of the architecture's tasks, and weights of rows."""
        tasks = self._architecture.tasks
        return BatchTargets.of_rows(rows, self._schema, tasks, device=self._device, dtype=self._dtype)


class ResidentBatches:
    """All rows as tensors on the device, shuffled by index in each epoch."""

    def __init__(self, inputs: InputTensors, targets: BatchTargets, *, batch_size: int, seed: int) -> None:
        self.inputs, self.targets = inputs, targets
        self._rows, self._batch_size, self._seed = len(targets.labels), batch_size, seed
        self._steps = math.ceil(self._rows / batch_size)  # per epoch
        self._order: tuple[int, Tensor] | None = None  # an epoch, and the order of its rows

    def batch(self, step: int) -> tuple[InputTensors, BatchTargets]:
        """Return inputs and targets of a step, counted from 0."""
        epoch, index = divmod(step, self._steps)
        if self._order is None or self._order[0] != epoch:
            generator = torch.Generator().manual_seed(epoch_order_seed(self._seed, epoch))
            order = torch.randperm(self._rows, generator=generator)
            self._order = (epoch, order.to(self.targets.labels.device))
        start = index * self._batch_size
        return _selected(self.inputs, self.targets, self._order[1][start : start + self._batch_size])


class StreamedBatches:
    """Stored rows, read in blocks: runs of neighbouring rows from all parts of the table, shuffled within the block.

    ``row_indices``: the rows to train on, if those are not all.
    """

    def __init__(
        self,
        rows: Rows,
        tensors: RowTensors,
        *,
        batch_size: int,
        seed: int,
        row_indices: NDArray[np.int64] | None = None,
    ) -> None:
        self._stored, self._tensors, self._row_indices = rows, tensors, row_indices
        self._rows = len(rows) if row_indices is None else len(row_indices)
        self._batch_size, self._seed = batch_size, seed
        self._steps = math.ceil(self._rows / batch_size)  # per epoch
        self._steps_per_block = max(1, round(BLOCK_ROWS / batch_size))  # so that no batch lies in two blocks
        self._block: tuple[tuple[int, int], InputTensors, BatchTargets, Tensor] | None = None

    def batch(self, step: int) -> tuple[InputTensors, BatchTargets]:
        """Return inputs and targets of a step, counted from 0."""
        epoch, index = divmod(step, self._steps)
        block, index = divmod(index, self._steps_per_block)
        if self._block is None or self._block[0] != (epoch, block):
            self._block = None  # frees the memory before the next block is read
            self._block = self._read(epoch, block)
        _, inputs, targets, order = self._block
        start = index * self._batch_size
        return _selected(inputs, targets, order[start : start + self._batch_size])

    def runs(self, epoch: int, block: int) -> list[slice]:
        """Return the runs of a block of an epoch, as slices of the rows to train on."""
        random = training_stream(STREAMED_ROWS, self._seed, epoch)
        # every epoch cuts the table at other rows; the first and the last run are shorter, or empty
        edges = np.arange(random.integers(RUN_ROWS) - RUN_ROWS, self._rows + RUN_ROWS, RUN_ROWS).clip(0, self._rows)
        starts, lengths = edges[:-1], np.diff(edges)
        order = random.permutation(len(starts))
        starts, ends = starts[order], np.cumsum(lengths[order])
        size = self._steps_per_block * self._batch_size
        first, last = block * size, min((block + 1) * size, self._rows)
        runs = []
        for run in range(np.searchsorted(ends, first, side="right"), np.searchsorted(ends, last, side="left") + 1):
            begin = ends[run] - lengths[order[run]]  # in the order of the epoch
            low, high = max(first, begin), min(last, ends[run])
            if low < high:
                runs.append(slice(int(starts[run] + low - begin), int(starts[run] + high - begin)))
        return runs

    def _read(self, epoch: int, block: int) -> tuple[tuple[int, int], InputTensors, BatchTargets, Tensor]:
        indices = self._row_indices
        runs = self.runs(epoch, block)
        rows = joined([self._stored.take(run if indices is None else indices[run]) for run in runs])
        order = training_stream(STREAMED_ROWS, self._seed, epoch, block).permutation(len(rows))
        targets = self._tensors.targets(rows)
        shuffled = torch.from_numpy(order).to(targets.labels.device)
        return (epoch, block), self._tensors.inputs(rows), targets, shuffled


def make_batches(
    rows: Rows, tensors: RowTensors, *, batch_size: int, seed: int, row_indices: NDArray[np.int64] | None = None
) -> ResidentBatches | StreamedBatches:
    """Stream large stored rows; keep others on the device.

    This depends on the size of the data and not on free memory, so that equal seeds give equal batches on all machines.
    """
    if is_streamed(rows):
        return StreamedBatches(rows, tensors, batch_size=batch_size, seed=seed, row_indices=row_indices)
    if row_indices is None:
        return ResidentBatches(*tensors.resident(rows), batch_size=batch_size, seed=seed)
    rows = rows.take(row_indices)
    return ResidentBatches(tensors.inputs(rows), tensors.targets(rows), batch_size=batch_size, seed=seed)


def is_streamed(rows: Rows) -> bool:
    """Return whether rows are too large to be copied to the memory of every training."""
    return rows.stored and rows.size > RESIDENT_BYTES


def _selected(inputs: InputTensors, targets: BatchTargets, rows: Tensor) -> tuple[InputTensors, BatchTargets]:
    return {name: column.index_select(0, rows) for name, column in inputs.items()}, targets.at(rows)
