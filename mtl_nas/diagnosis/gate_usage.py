"""What gates, stitches and routes give what they mix."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mtl_nas.architecture import Architecture
from mtl_nas.model.activations import States
from mtl_nas.model.gates import GateStage
from mtl_nas.model.mixing import RouteStage, StitchStage
from mtl_nas.record.diagnosis import Mixture


def mixtures(module: nn.Module, states: States, architecture: Architecture) -> Iterator[Mixture]:
    """One for each member of a stage that mixes; none of other stages."""
    kind: str
    if isinstance(module, GateStage):
        weights, kind = module.weights_of(states).transpose(1, 2), module.block.kind  # (N, B, E)
        mixed = [inputs[1 if module.block.has_query else 0 :] for inputs in module.stage.inputs]
    elif isinstance(module, StitchStage):
        shares = module.shares.mean(dim=2) if module.block.channelwise else module.shares
        weights, kind, mixed = shares.unsqueeze(1), "stitch", list(module.stage.inputs)
    elif isinstance(module, RouteStage):
        weights, kind, mixed = module.opened().unsqueeze(1), "route", list(module.stage.inputs)
    else:
        return
    for node, names, given in zip(module.stage.nodes, mixed, weights.double(), strict=True):
        whole, by_row = (None, None) if kind == "route" else _entropies(given)
        yield Mixture(
            node=node,
            kind=kind,
            tasks=tuple(task for task in architecture.tasks if task in architecture.reaching[node]),
            weights=dict(zip((source(architecture, name) for name in names), given.mean(dim=0).tolist(), strict=True)),
            own=source(architecture, names[0]) if kind == "stitch" else "",
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
