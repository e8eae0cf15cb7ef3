"""Large embedding tables, of which a step updates only the rows of its batch.

A dense gradient of a table of ten million rows takes longer than the rest of a step. Here the batch's rows are copied,
the network reads the copy, and AdamW updates these rows. The effect of dense steps on all other rows, by momentum and
weight decay, is computed later: before a row is read again, and before a table is read whole. Momentum accounts for
nine tenths of the effect of a gradient, so that Adam without it (torch's SparseAdam) trains rare rows at a tenth of the
rate.

The weights of a row, its optimizer state and its step are adjacent in memory, so that a row is read at one address and
not at four. That halves the time that large tables add to a step.
"""

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from mtl_nas.composition import stacking
from mtl_nas.design import Losses, Training
from mtl_nas.model import InputTensors, Network, TableStage
from mtl_nas.training.balancing.shared_parameters import last_shared
from mtl_nas.training.stepping.sparse_table import SparseTable
from mtl_nas.training.stepping.step_history import StepHistory


class SparseTables(nn.Module):
    """All large tables of a network; ``state_dict`` is what a checkpoint needs beside the tables."""

    def __init__(self, network: Network, training: Training, steps: int, *, rows: int) -> None:
        super().__init__()
        self.table_modules = nn.ModuleList(
            SparseTable(f"stages.{index}.table", stage)
            for index, stage in enumerate(network.stages)
            if isinstance(stage, TableStage) and stage.table.shape[1] >= rows
        )
        self.history = StepHistory(steps, training.weight_decay, next(network.parameters()).device)

    @property
    def tables(self) -> list[SparseTable]:
        return [cast(SparseTable, table) for table in self.table_modules]

    def owns(self, parameter: nn.Parameter) -> bool:
        """Return whether a parameter is updated here, and not by the optimizer."""
        return any(parameter is table.table for table in self.tables)

    def for_step(self, inputs: InputTensors) -> tuple[InputTensors, Mapping[str, Tensor]]:
        """Return inputs of a batch to train on, and tensors that replace the network's own."""
        return self._read(inputs, trained=True)

    def for_prediction(self, inputs: InputTensors) -> tuple[InputTensors, Mapping[str, Tensor]]:
        """Return inputs of a batch to predict, and tensors that replace the network's own."""
        return self._read(inputs, trained=False)

    def step(self, number: int, rate: float) -> None:
        """Update the rows that the batch of a step read; ``number`` counts steps from 1."""
        self.history.begin(number, rate)
        for table in self.tables:
            table.step(self.history)

    def settle(self) -> None:
        """Bring every row up to date, before whole tables are read."""
        for table in self.tables:
            table.settle(self.history)
        self.history.settled = self.history.step

    def _read(self, inputs: InputTensors, *, trained: bool) -> tuple[InputTensors, Mapping[str, Tensor]]:
        weights: dict[str, Tensor] = {}
        for table in self.tables:
            changed, replaced = table.read(inputs, self.history, trained=trained)
            inputs, weights = {**inputs, **changed}, {**weights, **replaced}
        return inputs, weights


def sparse_tables(network: Network, losses: Losses, training: Training, steps: int) -> SparseTables | None:
    """Return the large tables of a network; None if it has none, or if an option needs gradients of whole tables."""
    if training.meta is not None or (losses.aggregation != "none" and losses.aggregate_embeddings):
        return None
    sparse = SparseTables(network, training, steps, rows=stacking.SPARSE_UPDATE_ROWS)
    last = last_shared(network.reaching(), network.architecture.tasks) if losses.weighting == "gradnorm" else None
    return None if not sparse.tables or (last and sparse.owns(last.parameter)) else sparse
