"""Conflicts between tasks: the cosine between the gradients of each pair of tasks by their shared parameters."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from mtl_nas.data import Rows, Schema
from mtl_nas.design import Losses
from mtl_nas.model import Network
from mtl_nas.random_streams import DIAGNOSIS_SEED
from mtl_nas.record import Agreement
from mtl_nas.training import BatchTargets, Reaching, kept_rows, task_losses

PARTS = 4  # parts of the rows on which the cosine is computed again, to see how much it varies

Pair = tuple[str, str]
Cosines = Mapping[Pair, float | None]
Gradients = Sequence[Tensor]  # gradients of one task, in the order of the shared parameters


def agreements(
    network: Network, inputs: Mapping[str, Tensor], rows: Rows, schema: Schema, *, losses: Losses
) -> tuple[Agreement, ...]:
    """One Agreement per pair of tasks, by the parameters that both train, except embedding tables (Yu et al., 2020)."""
    tables = {id(table) for table in network.tables()}
    shared = [
        (parameter, members)
        for parameter, members in network.reaching()
        if id(parameter) not in tables and any(len(tasks) > 1 for tasks in members)
    ]
    pairs = list(combinations(network.architecture.tasks, 2))
    if not shared:
        return tuple(Agreement(tasks=pair) for pair in pairs)
    nodes = [head.node for head in network.architecture.heads if head.given is None]
    tasks = [schema.task(name) for name in network.architecture.tasks]
    weight = next(network.parameters())
    targets = BatchTargets.of_rows(rows, schema, network.architecture.tasks, device=weight.device, dtype=weight.dtype)

    def cosines(part: Tensor) -> Cosines:
        outputs = network({name: column[part] for name, column in inputs.items()})
        each, _ = task_losses(
            [outputs[node] for node in nodes],
            targets.at(part).repeated(network.architecture.members),
            tasks,
            positive_weights=losses.positive_weights,
        )
        return _cosines(dict(zip(network.architecture.tasks, each.unbind(), strict=True)), shared)

    trained = np.arange(len(rows))
    if losses.negatives < 1.0:
        trained = kept_rows(rows.labels, schema, losses.negatives, seed=DIAGNOSIS_SEED)
    every = torch.from_numpy(trained).to(weight.device)
    whole = cosines(every)
    parts = [cosines(every[first::PARTS]) for first in range(PARTS) if first < len(every)]
    return tuple(_agreement(pair, whole, parts) for pair in pairs)


def _cosines(losses: Mapping[str, Tensor], shared: Reaching) -> Cosines:
    parameters = [parameter for parameter, _ in shared]
    gradients = {
        task: torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        for task, loss in losses.items()
    }
    return {pair: _cosine(pair, shared, gradients) for pair in combinations(losses, 2)}


def _cosine(pair: Pair, shared: Reaching, gradients: Mapping[str, Gradients]) -> float | None:
    product = first_squares = second_squares = 0.0
    for (_, members), first, second in zip(shared, *(gradients[task] for task in pair), strict=True):
        both = [index for index, tasks in enumerate(members) if set(pair) <= tasks]  # members that both tasks train
        left, right = first[both].double(), second[both].double()
        product += float((left * right).sum())
        first_squares += float((left * left).sum())
        second_squares += float((right * right).sum())
    length = math.sqrt(first_squares) * math.sqrt(second_squares)
    return max(-1.0, min(1.0, product / length)) if 0 < length < math.inf else None


def _agreement(pair: Pair, whole: Cosines, parts: Sequence[Cosines]) -> Agreement:
    cosines = [cosine for part in (whole, *parts) if (cosine := part[pair]) is not None]
    if len(cosines) <= PARTS:  # too few rows, or a part without a label
        return Agreement(tasks=pair, cosine=whole[pair])
    return Agreement(tasks=pair, cosine=whole[pair], lowest=min(cosines), highest=max(cosines))
