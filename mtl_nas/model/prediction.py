"""A network and features -> predictions in the units of the labels."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtl_nas.architecture import Head
from mtl_nas.data.schema import Schema, Task
from mtl_nas.model.network import Network

ROWS_AT_ONCE = 4096  # what a wide level computes for so many rows still fits the cache of a core or two


def name_of(head: Head) -> str:
    """``buy``, or ``buy|click`` for the conditional probability."""
    return head.task if head.given is None else f"{head.task}|{head.given}"


def predict(network: Network, features: Mapping[str, Tensor], schema: Schema) -> dict[str, NDArray[np.float64]]:
    """By head: probabilities (N,) or (N, K), numbers (N,) in the label's unit."""
    rows = len(next(iter(features.values())))
    heads = network.architecture.heads
    parts: dict[str, list[Tensor]] = {name_of(head): [] for head in heads}
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for start in range(0, max(rows, 1), ROWS_AT_ONCE):  # no row at all is a batch too
            outputs = network({name: column[start : start + ROWS_AT_ONCE] for name, column in features.items()})
            for head in heads:
                parts[name_of(head)].append(_natural(outputs[head.node], schema.task(head.task)))
    network.train(was_training)
    return {name: torch.cat(chunks).double().cpu().numpy() for name, chunks in parts.items()}


def _natural(output: Tensor, task: Task) -> Tensor:
    if task.kind == "binary":
        return torch.sigmoid(output[:, 0])
    if task.kind == "multiclass":
        return torch.softmax(output, dim=1)
    return output[:, 0].double() * task.scale + task.center
