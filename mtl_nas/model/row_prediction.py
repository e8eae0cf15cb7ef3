"""A network and encoded rows -> predictions; rows that lie in files are never all in memory."""

import numpy as np
import torch
from numpy.typing import NDArray

from mtl_nas.data import Rows, Schema
from mtl_nas.model.input_encoding import input_tensors
from mtl_nas.model.network import Network
from mtl_nas.model.prediction import ROWS_AT_ONCE, Read, predict

BLOCK = 16 * ROWS_AT_ONCE  # a multiple, so that blocks change no prediction


def predict_rows(
    network: Network, rows: Rows, schema: Schema, *, device: str | torch.device = "cpu", read: Read | None = None
) -> dict[str, NDArray[np.float64]]:
    """By head, as ``predict``, on the device of the network; stored rows a block at a time."""
    size = BLOCK if rows.stored else max(len(rows), 1)
    parts = []
    for start in range(0, max(len(rows), 1), size):
        inputs = input_tensors(rows.take(slice(start, start + size)), schema, network.architecture, device=device)
        parts.append(predict(network, inputs, schema, read=read))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
