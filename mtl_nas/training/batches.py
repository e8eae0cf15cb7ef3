"""Where batches come from: tensors that stay on the device, or blocks of rows that are read from files.

Both are functions of the seed and the step alone, so that a training that is saved and loaded goes on exactly.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtl_nas.architecture import Architecture
from mtl_nas.data import Rows, Schema
from mtl_nas.data.schema import Task
from mtl_nas.data.storage.rows import joined
from mtl_nas.model import input_tensors
from mtl_nas.random_streams import STREAMED_ROWS, epoch_order_seed, training_stream
from mtl_nas.training.losses import Targets, targets

RESIDENT = 2**28  # bytes of stored train rows above which they are streamed; of the data alone, not of what is free
BLOCK = 2**18  # rows that are shuffled at once
RUN = 2**12  # rows that are read at once, one after the other in the table

Inputs = dict[str, Tensor]


class Reading:
    """Encoded rows -> what an architecture and its losses read, on a device."""

    def __init__(
        self, schema: Schema, architecture: Architecture, tasks: Sequence[Task], *, device: Any, dtype: torch.dtype
    ) -> None:
        self._schema, self._architecture, self._tasks = schema, architecture, tasks
        self._places = [schema.task_names.index(task.name) for task in tasks]
        self._device, self._dtype = torch.device(device), dtype
        self._kept: list[tuple[Rows, tuple[Inputs, Targets]]] = []

    def kept(self, rows: Rows) -> tuple[Inputs, Targets]:
        """Features and targets of rows that stay, the same tensors for all who share this reading."""
        for known, found in self._kept:
            if known is rows:
                return found
        self._kept.append((rows, (self.inputs(rows), self.targets(rows))))
        return self._kept[-1][1]

    def inputs(self, rows: Rows) -> Inputs:
        """Features."""
        return input_tensors(rows, self._schema, self._architecture, device=self._device)

    def targets(self, rows: Rows) -> Targets:
        """Labels and weights."""
        labels = torch.from_numpy(rows.labels[:, self._places]).to(self._device, self._dtype)
        weights = None if rows.weights is None else torch.tensor(rows.weights, device=self._device, dtype=self._dtype)
        return targets(labels, self._tasks, weights=weights)


class Resident:
    """All rows as tensors, shuffled by index."""

    def __init__(self, rows: Rows, reading: Reading, *, batch_size: int, seed: int) -> None:
        self.features, self.targets = reading.kept(rows)
        self._rows, self._batch_size, self._seed = len(rows), batch_size, seed
        self._steps = math.ceil(len(rows) / batch_size)
        self._order: tuple[int, Tensor] | None = None

    def batch(self, step: int) -> tuple[Inputs, Targets]:
        """What the step trains on."""
        number, place = divmod(step, self._steps)
        if self._order is None or self._order[0] != number:
            generator = torch.Generator().manual_seed(epoch_order_seed(self._seed, number))
            order = torch.randperm(self._rows, generator=generator)
            self._order = (number, order.to(self.targets.labels.device))
        start = place * self._batch_size
        return _picked(self.features, self.targets, self._order[1][start : start + self._batch_size])


class Streamed:
    """Stored rows, a block at a time: runs of neighbours from all over the table, shuffled among each other.

    ``chosen``: places of the rows to train on, where those are not all.
    """

    def __init__(
        self, rows: Rows, reading: Reading, *, batch_size: int, seed: int, chosen: NDArray[np.int64] | None = None
    ) -> None:
        self._stored, self._reading, self._chosen = rows, reading, chosen
        self._rows = len(rows) if chosen is None else len(chosen)
        self._batch_size, self._seed = batch_size, seed
        self._steps = math.ceil(self._rows / batch_size)
        self._steps_a_block = max(1, round(BLOCK / batch_size))  # so that no batch lies in two blocks
        self._block: tuple[tuple[int, int], Inputs, Targets, Tensor] | None = None

    def batch(self, step: int) -> tuple[Inputs, Targets]:
        """What the step trains on."""
        number, place = divmod(step, self._steps)
        block, place = divmod(place, self._steps_a_block)
        if self._block is None or self._block[0] != (number, block):
            self._block = None  # before the next one takes its memory
            self._block = self._read(number, block)
        _, inputs, found, order = self._block
        start = place * self._batch_size
        return _picked(inputs, found, order[start : start + self._batch_size])

    def runs(self, number: int, block: int) -> list[slice]:
        """The runs of a block of a pass, as they lie among the rows to train on."""
        random = training_stream(STREAMED_ROWS, self._seed, number)
        edges = np.arange(random.integers(RUN) - RUN, self._rows + RUN, RUN).clip(0, self._rows)
        starts, lengths = edges[:-1], np.diff(edges)  # cut elsewhere in each pass; at both ends shorter, or empty
        order = random.permutation(len(starts))
        starts, ends = starts[order], np.cumsum(lengths[order])
        size = self._steps_a_block * self._batch_size
        first, last = block * size, min((block + 1) * size, self._rows)
        found = []
        for run in range(np.searchsorted(ends, first, side="right"), np.searchsorted(ends, last, side="left") + 1):
            begin = ends[run] - lengths[order[run]]  # in the order of the pass
            low, high = max(first, begin), min(last, ends[run])
            if low < high:
                found.append(slice(int(starts[run] + low - begin), int(starts[run] + high - begin)))
        return found

    def _read(self, number: int, block: int) -> tuple[tuple[int, int], Inputs, Targets, Tensor]:
        chosen = self._chosen
        runs = self.runs(number, block)
        rows = joined([self._stored.take(run if chosen is None else chosen[run]) for run in runs])
        order = training_stream(STREAMED_ROWS, self._seed, number, block).permutation(len(rows))
        found = self._reading.targets(rows)
        shuffled = torch.from_numpy(order).to(found.labels.device)
        return (number, block), self._reading.inputs(rows), found, shuffled


def feed(
    rows: Rows, reading: Reading, *, batch_size: int, seed: int, chosen: NDArray[np.int64] | None = None
) -> Resident | Streamed:
    """Large stored rows are streamed, others stay on the device.

    What decides is the size of the data, not the memory that is free: the same seed decides the same on any machine.
    """
    if streams(rows):
        return Streamed(rows, reading, batch_size=batch_size, seed=seed, chosen=chosen)
    return Resident(rows if chosen is None else rows.take(chosen), reading, batch_size=batch_size, seed=seed)


def streams(rows: Rows) -> bool:
    """Whether rows are too large to be held by every training."""
    return rows.stored and rows.size > RESIDENT


def _picked(inputs: Mapping[str, Tensor], found: Targets, rows: Tensor) -> tuple[Inputs, Targets]:
    return {name: column.index_select(0, rows) for name, column in inputs.items()}, found.at(rows)
