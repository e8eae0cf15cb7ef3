"""The time in which a network predicts one request to a server, a small batch."""

import time
from statistics import median

from mtl_nas.data import Rows, Schema
from mtl_nas.model.input_encoding import input_tensors
from mtl_nas.model.network import Network
from mtl_nas.model.prediction import predict

LATENCY_BATCH = 256  # rows: the candidates of one request
TIMED_PASSES, WARM_UP_PASSES = 20, 3


def latency_ms(network: Network, rows: Rows, schema: Schema, *, device: str = "cpu") -> float:
    """The median time of a batch of predictions in milliseconds, on the threads that torch has."""
    batch = rows.take(slice(None, LATENCY_BATCH))
    inputs = input_tensors(batch, schema, network.architecture, device=device)
    seconds = []
    for _ in range(WARM_UP_PASSES + TIMED_PASSES):
        start = time.perf_counter()
        predict(network, inputs, schema)
        seconds.append(time.perf_counter() - start)
    return 1e3 * median(seconds[WARM_UP_PASSES:])
