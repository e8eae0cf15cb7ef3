"""A network and features -> predictions in the units of the labels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from mtl_nas.architecture import Head
from mtl_nas.data.schema import Schema
from mtl_nas.model.kinds import linked
from mtl_nas.model.negative_correction import corrected
from mtl_nas.model.network import Network

# a batch's features -> its features, and weights that stand in for the network's own
Read = Callable[[Mapping[str, Tensor]], tuple[Mapping[str, Tensor], Mapping[str, Tensor]]]
ROWS_AT_ONCE = 2**12  # what a wide level computes for so many rows still fits the cache of a core or two
ON_GPU = 2**16  # fewer, and it waits for launches


def name_of(head: Head) -> str:
    """``buy``, or ``buy|click`` for the conditional probability."""
    return head.task if head.given is None else f"{head.task}|{head.given}"


def predict(
    network: Network, features: Mapping[str, Tensor], schema: Schema, *, read: Read | None = None
) -> dict[str, NDArray[np.float64]]:
    """By head: probabilities (N,) or (N, K), numbers (N,) in the label's unit."""
    first = next(iter(features.values()))
    rows, at_once = len(first), ON_GPU if first.is_cuda else ROWS_AT_ONCE
    heads = network.architecture.heads
    parts: dict[str, list[Tensor]] = {name_of(head): [] for head in heads}
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for start in range(0, max(rows, 1), at_once):  # no row at all is a batch too
            batch = {name: column[start : start + at_once] for name, column in features.items()}
            inputs, weights = read(batch) if read else (batch, {})
            outputs = functional_call(network, dict(weights), (inputs,)) if weights else network(inputs)
            for name, values in predictions(outputs, heads, schema).items():
                parts[name].append(values)
    network.train(was_training)
    return {name: torch.cat(chunks).double().cpu().numpy() for name, chunks in parts.items()}


def predictions(outputs: Mapping[str, Tensor], heads: Sequence[Head], schema: Schema) -> dict[str, Tensor]:
    """Return predictions by head, in the units of the labels, corrected for rows that training left out."""
    uncorrected = {name_of(head): linked(outputs[head.node], schema.task(head.task)) for head in heads}
    return corrected(uncorrected, heads, schema)
