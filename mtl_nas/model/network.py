"""The torch module of an architecture: stages run in order, heads are read by name."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Transfer
from mtl_nas.errors import ExportError, MtlNasError
from mtl_nas.model.activations import Features, States
from mtl_nas.model.histories import HistoryStage
from mtl_nas.model.inputs import EmbeddingStage, TaskEmbeddingStage
from mtl_nas.model.mixing import RouteStage
from mtl_nas.model.plan import Stage, plan
from mtl_nas.model.registry import MODULES
from mtl_nas.model.transfers import ThresholdsStage, TransferMaps, TransferStage

FULL_PRECISION = (EmbeddingStage, HistoryStage, TaskEmbeddingStage, ThresholdsStage)


class Network(nn.Module):
    """features -> {head node: (B, outputs)}, natural parameters of the tasks' kinds."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.plan = plan(architecture)
        self.shared = nn.ModuleDict()
        self.stages = nn.ModuleList(self._module(stage) for stage in self.plan)
        self.outputs = tuple(dict.fromkeys(head.node for head in architecture.heads))

    def _module(self, stage: Stage) -> nn.Module:
        if not isinstance(stage.block, Transfer):
            return MODULES[type(stage.block)](stage)
        if not stage.block.share:
            return TransferStage(stage, None)
        kinds = list(
            dict.fromkeys(one.block for one in self.plan if isinstance(one.block, Transfer) and one.block.share)
        )
        kind = kinds.index(stage.block)
        name = f"transfer{stage.units}" + (f"_{kind}" if kind else "")
        if name not in self.shared:
            self.shared[name] = TransferMaps(stage.block, 1, stage.units)
        return TransferStage(stage, cast(TransferMaps, self.shared[name]))

    def forward(self, features: Features, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Natural parameters at every head's node; ``dtype``: of the states below them."""
        if not isinstance(features, Mapping):
            raise MtlNasError(
                f"a network takes the tensors of encoded rows, got {type(features).__name__}; for a frame: "
                "mn.Model(network, data.schema).predict(frame)"
            )
        states = self.states(features, dtype)
        return {name: states.node(name) for name in self.outputs}

    def states(self, features: Features, dtype: torch.dtype | None = None) -> States:
        """The outputs of all nodes, in the precision of the weights or in that of ``dtype``.

        Then ``matrices`` are expected in it, and predictions come in that of the other weights.
        """
        states = States(features)
        for stage, module in zip(self.plan, self.stages, strict=True):
            output = module(states)
            if dtype is not None:
                output = output.float() if stage.block.predicts else output.to(dtype)
            states.add(stage, output)
        return states

    @cached_property
    def matrices(self) -> list[tuple[str, nn.Parameter]]:
        """Weights that meet states alone, by name: not tables and what reads them, nor what makes probabilities."""
        full = [f"stages.{place}." for place, module in enumerate(self.stages) if isinstance(module, FULL_PRECISION)]
        kept = (*full, *(f"stages.{place}.log_alpha" for place in range(len(self.stages))))
        return [(name, weight) for name, weight in self.named_parameters() if not name.startswith(kept)]

    def penalty(self) -> Tensor | None:
        """What the network adds to the loss by itself: the price of open routes; None where there is none."""
        found = [stage.penalty() for stage in self.stages if isinstance(stage, RouteStage) and stage.block.penalty]
        return torch.stack(found).sum() if found else None

    def reaching(self) -> list[tuple[nn.Parameter, tuple[frozenset[str], ...]]]:
        """Every parameter, with the tasks whose loss trains each of its members (the first axis)."""
        tasks: dict[int, list[set[str]]] = {}
        parameters: dict[int, nn.Parameter] = {}
        for node, tensor, member in self.uses():
            if isinstance(tensor, nn.Parameter):
                parameters[id(tensor)] = tensor
                members = tasks.setdefault(id(tensor), [set() for _ in range(tensor.shape[0])])
                members[member] |= self.architecture.reaching[node]
        return [(parameters[key], tuple(map(frozenset, members))) for key, members in tasks.items()]

    def tables(self) -> list[nn.Parameter]:
        """Embedding tables."""
        return [stage.table for stage in self.stages if isinstance(stage, EmbeddingStage | HistoryStage)]

    def parameters_of(self, scope: str) -> list[str]:
        """Names as in ``named_parameters``: ``all``, or those of the nodes with that role."""
        if scope == "all":
            return [name for name, _ in self.named_parameters()]
        members = {node.name for node in self.architecture.nodes if node.role == scope}
        chosen = {id(tensor) for node, tensor, _ in self.uses() if node in members}
        return [name for name, tensor in self.named_parameters() if id(tensor) in chosen]

    def weights(self) -> dict[str, Tensor]:
        """Parameters and running moments by node, ``<node>/<name>``: independent of how nodes are grouped."""
        return {name: stacked[member] for name, (stacked, member) in self._places().items()}

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy weights in; an ExportError names the first one that is missing, unknown or of another shape."""
        places = self._places()
        if strange := sorted(set(weights) - set(places)):
            raise ExportError(f"weight '{strange[0]}' belongs to no node of this architecture")
        with torch.no_grad():
            for name, (stacked, member) in places.items():
                if name not in weights:
                    raise ExportError(f"weight '{name}' is missing; the weights are of another architecture")
                if weights[name].shape != stacked[member].shape:
                    found, wanted = tuple(weights[name].shape), tuple(stacked[member].shape)
                    raise ExportError(f"weight '{name}' has shape {found}, this architecture needs {wanted}")
                stacked[member].copy_(weights[name])

    def uses(self) -> Iterator[tuple[str, Tensor, int]]:
        """(node, stacked parameter or moments, the member that the node uses)."""
        for stage, module in zip(self.plan, self.stages, strict=True):
            for tensor in module.state_dict(keep_vars=True).values():
                yield from ((node, tensor, place) for node, place in zip(stage.nodes, stage.uses, strict=True))
            if isinstance(module, TransferStage) and module.own_maps is None:
                yield from ((node, tensor, 0) for tensor in module.maps().parameters() for node in stage.nodes)

    def _places(self) -> dict[str, tuple[Tensor, int]]:
        places: dict[str, tuple[Tensor, int]] = {}
        for stage, module in zip(self.plan, self.stages, strict=True):
            for path, tensor in module.state_dict(keep_vars=True).items():
                name = path.rpartition(".")[2]
                places.update({f"{owner}/{name}": (tensor, place) for place, owner in enumerate(stage.sets)})
        for group, module in self.shared.items():
            for name, tensor in module.state_dict(keep_vars=True).items():
                places[f"shared/{group}/{name}"] = (tensor, 0)
        return places


def build(architecture: Architecture, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Network:
    """A network with weights drawn from the seed; equal architecture and seed, equal weights."""
    network = Network(architecture)
    generator = torch.Generator().manual_seed(seed)
    for module in (*network.stages, *network.shared.values()):
        cast(TransferMaps, module).reset(generator)
    return network.to(dtype)
