"""A network and features -> predictions in the units of the labels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from mtl_nas.architecture import Head
from mtl_nas.data.schema import Schema, Task
from mtl_nas.model.negative_correction import corrected
from mtl_nas.model.network import Network

NARROWEST = 1e-7**0.5  # of amounts, as in the paper's code
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
    """By head, in the units of the labels, made up for rows that training left out."""
    found = {name_of(head): natural(outputs[head.node], schema.task(head.task)) for head in heads}
    return corrected(found, heads, schema)


def natural(output: Tensor, task: Task) -> Tensor:
    """What a head says, (B, outputs), as a probability (B,), probabilities of classes (B, K), or a number (B,)."""
    if task.kind == "binary":
        return torch.sigmoid(output[:, 0])
    if task.kind == "multiclass":
        return torch.softmax(output, dim=1)
    if task.kind == "ordinal":
        above = torch.sigmoid(output)  # (B, K-1), P(y > k), falling
        every = torch.ones_like(above[:, :1])
        return (torch.cat([every, above], dim=1) - torch.cat([above, 0 * every], dim=1)).clamp(min=0.0)
    value = output.double()
    moments = value.new_tensor([task.center, task.scale])  # exporters would round plain numbers to single precision
    if task.kind == "count":
        return value[:, 0].exp() * moments[1]
    if task.loss == "ziln":  # the mean of the distribution
        spread = log_deviation(output).double()  # onnxruntime has no softplus in double precision
        return torch.sigmoid(value[:, 0]) * torch.exp(value[:, 1] + spread**2 / 2) * moments[1]
    return value[:, 0] * moments[1] + moments[0]


def log_deviation(output: Tensor) -> Tensor:
    """(B, 3) -> (B,): sigma of the log of an amount under the zero-inflated log-normal (Wang et al., 2019)."""
    return F.softplus(output[:, 2]).clamp(min=NARROWEST)
