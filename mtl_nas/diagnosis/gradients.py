"""Where tasks pull what they share: the cosine of their gradients, pair by pair."""

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
from mtl_nas.record.diagnosis import Agreement
from mtl_nas.training.balancing.shared_parameters import Reaching
from mtl_nas.training.losses import BatchTargets, task_losses
from mtl_nas.training.negative_sampling import kept_rows

PARTS = 4  # of the rows, to see whether they agree

Pair = tuple[str, str]
Gradients = Sequence[Tensor]  # of one task, in the order of the shared parameters


def agreements(
    network: Network, inputs: Mapping[str, Tensor], rows: Rows, schema: Schema, *, losses: Losses
) -> tuple[Agreement, ...]:
    """One a pair of tasks, over the parameters that both train, embedding tables left out (Yu et al., 2020)."""
    tables = {id(table) for table in network.tables()}
    shared = [
        (parameter, members)
        for parameter, members in network.reaching()
        if id(parameter) not in tables and any(len(tasks) > 1 for tasks in members)
    ]
    weight = next(network.parameters())
    tasks = network.architecture.tasks
    targets = BatchTargets.of_rows(rows, schema, tasks, device=weight.device, dtype=weight.dtype)
    trained = np.arange(len(rows))
    if losses.negatives < 1.0:
        trained = kept_rows(rows.labels, schema, losses.negatives, seed=DIAGNOSIS_SEED)
    whole, *parts = [
        _cosines(
            network,
            shared,
            {name: column[chosen] for name, column in inputs.items()},
            targets.at(chosen),
            schema,
            losses,
        )
        for chosen in _chosen(torch.from_numpy(trained).to(weight.device))
    ]
    return tuple(_agreement(pair, whole, parts) for pair in combinations(tasks, 2))


def _chosen(every: Tensor) -> list[Tensor]:
    """All, then each quarter."""
    return [every, *(every[place::PARTS] for place in range(PARTS) if place < len(every))]


def _cosines(
    network: Network,
    shared: Reaching,
    inputs: Mapping[str, Tensor],
    targets: BatchTargets,
    schema: Schema,
    losses: Losses,
) -> dict[Pair, float | None]:
    architecture = network.architecture
    tasks = architecture.tasks
    if not shared:
        return dict.fromkeys(combinations(tasks, 2))
    nodes = [head.node for head in architecture.heads if head.given is None]
    outputs = network(inputs)
    each, _ = task_losses(
        [outputs[node] for node in nodes],
        targets,
        [schema.task(name) for name in tasks],
        positive_weights=losses.positive_weights,
    )
    parameters = [parameter for parameter, _ in shared]
    gradients: dict[str, Gradients] = {
        task: torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        for task, loss in zip(tasks, each, strict=True)
    }
    return {(one, other): _cosine(one, other, shared, gradients) for one, other in combinations(tasks, 2)}


def _cosine(one: str, other: str, shared: Reaching, gradients: Mapping[str, Gradients]) -> float | None:
    product = squares = others = 0.0
    for (_, members), mine, theirs in zip(shared, gradients[one], gradients[other], strict=True):
        both = [place for place, tasks in enumerate(members) if {one, other} <= tasks]
        left, right = mine[both].double(), theirs[both].double()
        product += float((left * right).sum())
        squares += float((left * left).sum())
        others += float((right * right).sum())
    length = math.sqrt(squares) * math.sqrt(others)
    return max(-1.0, min(1.0, product / length)) if 0 < length < math.inf else None


def _agreement(
    pair: Pair, whole: Mapping[Pair, float | None], parts: Sequence[Mapping[Pair, float | None]]
) -> Agreement:
    known = [cosine for found in (whole, *parts) if (cosine := found[pair]) is not None]
    if len(known) <= PARTS:  # too few rows, or a quarter without a label
        return Agreement(tasks=pair, cosine=whole[pair])
    return Agreement(tasks=pair, cosine=whole[pair], lowest=min(known), highest=max(known))
