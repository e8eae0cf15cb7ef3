"""Encoded rows of a table, and the settings of a training that belong to no design."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from mtl_nas.architecture import Architecture
from mtl_nas.data import Dataset, Rows, Schema
from mtl_nas.training.batches import RowTensors


@dataclass(frozen=True)
class FitOptions:
    """How a member is trained, beside its design and its Training.

    Attributes:
        device: Name of a torch device.
        task_weights: Weights of tasks in the score of a check. If empty, all tasks count the same; otherwise tasks
            that are not named do not count.
        sparse_updates: Whether a step updates only the rows of its batch in a large embedding table.
    """

    device: str = "cpu"
    task_weights: Mapping[str, float] = field(default_factory=dict)
    sparse_updates: bool = True


class FitData:
    """Train and tuning rows of one table.

    Members of one architecture, device and precision that are made from the same FitData share their tensors.
    """

    def __init__(self, schema: Schema, train: Rows, tuning: Rows) -> None:
        self.schema, self.train, self.tuning = schema, train, tuning
        self._tensors: RowTensors | None = None

    @classmethod
    def of(cls, data: Dataset) -> "FitData":
        """Return the train and the tuning rows of a data set."""
        return cls(data.schema, data.rows("train"), data.rows("tuning"))

    def tensors(self, architecture: Architecture, *, device: torch.device, dtype: torch.dtype) -> RowTensors:
        """Return a converter of rows to tensors: the last one, with the tensors that it holds, if it is equal."""
        wanted = RowTensors(self.schema, architecture, device=device, dtype=dtype)
        if self._tensors is None or not self._tensors.gives_the_same_as(wanted):
            self._tensors = wanted
        return self._tensors
