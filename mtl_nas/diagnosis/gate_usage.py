"""What gates, stitches and routes give what they mix."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Block
from mtl_nas.model import Activations, StageModule
from mtl_nas.record.diagnosis import Mixture


def mixtures(module: StageModule[Block], activations: Activations, architecture: Architecture) -> Iterator[Mixture]:
    """One for each member of a stage that mixes; none of other stages."""
    mixing = module.mixing_weights(activations)
    if mixing is None:
        return
    for node, names, weights in zip(module.stage.nodes, mixing.mixed, mixing.weights.double(), strict=True):
        whole, by_row = _entropies(weights) if mixing.compete else (None, None)
        sources = [source(architecture, name) for name in names]
        yield Mixture(
            node=node,
            kind=mixing.kind,
            tasks=tuple(task for task in architecture.tasks if task in architecture.reaching[node]),
            weights=dict(zip(sources, weights.mean(dim=0).tolist(), strict=True)),
            own=sources[0] if mixing.own_first else "",
            entropy=whole,
            row_entropy=by_row,
        )


def source(architecture: Architecture, name: str) -> str:
    """The node itself, or what a stop passes on."""
    node = architecture.node(name)
    return source(architecture, node.inputs[0]) if node.block.is_identity else name


def _entropies(weights: Tensor) -> tuple[float | None, float | None]:
    """(B, E) -> that of the mean shares, and the mean over rows, both relative to log E."""
    if weights.shape[1] < 2:
        return None, None
    sizes = weights.abs()
    shares = sizes / sizes.sum(dim=1, keepdim=True).clamp(min=torch.finfo(sizes.dtype).tiny)
    found = (
        torch.special.entr(each).sum(dim=-1).mean() / math.log(weights.shape[1]) for each in (shares.mean(0), shares)
    )
    whole, by_row = (min(float(entropy), 1.0) for entropy in found)
    return whole, by_row
