"""The weights that gates, stitches and routes give their inputs."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Block
from mtl_nas.model import Activations, StageModule
from mtl_nas.record import Mixture


def mixtures(module: StageModule[Block], activations: Activations, architecture: Architecture) -> Iterator[Mixture]:
    """The Mixture of each node of a stage; none if the stage mixes nothing."""
    mixing = module.mixing_weights(activations)
    if mixing is None:
        return
    for node, names, weights in zip(module.stage.nodes, mixing.mixed, mixing.weights.double(), strict=True):
        entropy, row_entropy = _entropies(weights) if mixing.compete else (None, None)
        sources = [source(architecture, name) for name in names]
        yield Mixture(
            node=node,
            kind=mixing.kind,
            tasks=tuple(task for task in architecture.tasks if task in architecture.reaching[node]),
            weights=dict(zip(sources, weights.mean(dim=0).tolist(), strict=True)),
            own=sources[0] if mixing.own_first else "",
            entropy=entropy,
            row_entropy=row_entropy,
            mixed="critics" if architecture.node(node).role == "critics" else "experts",
        )


def source(architecture: Architecture, name: str) -> str:
    """The name of a node, or of the node below it if it only stops the gradient."""
    node = architecture.node(name)
    return source(architecture, node.inputs[0]) if node.block.is_identity else name


def _entropies(weights: Tensor) -> tuple[float | None, float | None]:
    """(B, E) -> the entropy of the mean shares and the mean entropy of a row's shares, both relative to log E."""
    if weights.shape[1] < 2:
        return None, None
    sizes = weights.abs()
    shares = sizes / sizes.sum(dim=1, keepdim=True).clamp(min=torch.finfo(sizes.dtype).tiny)
    entropy, row_entropy = (
        torch.special.entr(each).sum(dim=-1).mean() / math.log(weights.shape[1]) for each in (shares.mean(0), shares)
    )
    return min(float(entropy), 1.0), min(float(row_entropy), 1.0)
