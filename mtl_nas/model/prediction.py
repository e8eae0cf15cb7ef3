"""A network and its inputs -> predictions in the units of the labels."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from mtl_nas.architecture import Architecture
from mtl_nas.data import Rows, Schema
from mtl_nas.model.activations import InputTensors
from mtl_nas.model.input_encoding import input_tensors
from mtl_nas.model.kinds import linked
from mtl_nas.model.negative_correction import corrected
from mtl_nas.model.network import Network

# the inputs of a batch -> inputs for the network, and weights that replace its own
Read = Callable[[InputTensors], tuple[InputTensors, Mapping[str, Tensor]]]
CPU_ROWS = 2**12  # rows per forward pass; with more, activations of wide levels exceed the cache
GPU_ROWS = 2**16  # rows per forward pass; with fewer, kernel launches limit the speed
STORED_ROWS = 16 * CPU_ROWS  # rows read from files at once; a multiple of CPU_ROWS, so that batches stay the same


def predict_rows(
    network: Network, rows: Rows, schema: Schema, *, device: str | torch.device = "cpu", read: Read | None = None
) -> dict[str, NDArray[np.float64]]:
    """Predict encoded rows as ``predict`` does; rows that are stored in files are read in parts.

    Numbers count from the origin of their task, as encoded labels do.
    """
    size = STORED_ROWS if rows.stored else max(len(rows), 1)
    parts = []
    for start in range(0, max(len(rows), 1), size):
        inputs = input_tensors(rows.take(slice(start, start + size)), schema, network.architecture, device=device)
        parts.append(predict(network, inputs, schema, read=read))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def in_label_units(predictions: Mapping[str, NDArray[np.float64]], schema: Schema) -> dict[str, NDArray[np.float64]]:
    """Predictions by head, with the origin from which encoded labels count added to numbers."""
    origins = {head: schema.task_of(head)[0].origin for head in predictions}
    return {head: values + origins[head] if origins[head] else values for head, values in predictions.items()}


def predict(
    network: Network, inputs: InputTensors, schema: Schema, *, read: Read | None = None
) -> dict[str, NDArray[np.float64]]:
    """Predict in evaluation mode: probabilities (N,) or (N, K), or numbers (N,) in the label's unit, by head."""
    first = next(iter(inputs.values()))
    rows, size = len(first), GPU_ROWS if first.is_cuda else CPU_ROWS
    architecture = network.architecture
    size = max(size // architecture.members, 1)
    parts: dict[str, list[Tensor]] = {head.name: [] for head in architecture.heads}
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for start in range(0, max(rows, 1), size):  # an empty table gives one empty batch
            batch: InputTensors = {name: column[start : start + size] for name, column in inputs.items()}
            batch, weights = read(batch) if read else (batch, {})
            outputs = functional_call(network, dict(weights), (batch,)) if weights else network(batch)
            for name, values in predictions(outputs, architecture, schema).items():
                parts[name].append(values)
    network.train(was_training)
    return {name: torch.cat(chunks).double().cpu().numpy() for name, chunks in parts.items()}


def predictions(outputs: Mapping[str, Tensor], architecture: Architecture, schema: Schema) -> dict[str, Tensor]:
    """Predictions by head, in the units of the labels: the mean of those of the members.

    Each member's predictions are corrected for rows that training left out.
    """
    heads, members = architecture.heads, architecture.members
    uncorrected = {head.name: linked(outputs[head.node], schema.task(head.task)) for head in heads}
    by_member = corrected(uncorrected, heads, schema)
    if members == 1:
        return by_member
    return {name: values.reshape(members, -1, *values.shape[1:]).mean(dim=0) for name, values in by_member.items()}
