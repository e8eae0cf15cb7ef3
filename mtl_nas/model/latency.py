"""How long a trained graph takes to predict: a batch as a server asks for it, not the throughput of a table."""

import time
from statistics import median

from mtl_nas.data import Rows, Schema
from mtl_nas.model.input_encoding import input_tensors
from mtl_nas.model.network import Network
from mtl_nas.model.prediction import predict

BATCH = 256  # rows: the candidates of one request
REPEATED, WARM = 20, 3


def latency_ms(network: Network, rows: Rows, schema: Schema, *, device: str = "cpu") -> float:
    """Milliseconds of a batch of predictions, the median of some, on the threads that torch has."""
    few = rows.take(slice(None, BATCH))
    inputs = input_tensors(few, schema, network.architecture, device=device)
    seconds = []
    for _ in range(WARM + REPEATED):
        start = time.perf_counter()
        predict(network, inputs, schema)
        seconds.append(time.perf_counter() - start)
    return 1e3 * median(seconds[WARM:])
