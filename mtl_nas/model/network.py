"""The torch module of an architecture: stages run in order, heads are read by name."""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Block
from mtl_nas.errors import ArchitectureError, ExportError, MtlNasError
from mtl_nas.model.activations import Activations, InputTensors
from mtl_nas.model.forks import let_children_compute
from mtl_nas.model.grouping import Stage, stages_of
from mtl_nas.model.stages import StageModule, TableStage, WeightedModule


class StageList(nn.ModuleList):
    """The modules of all stages, in the order in which they run."""

    def __iter__(self) -> Iterator[StageModule[Block]]:
        return cast(Iterator[StageModule[Block]], super().__iter__())


class Network(nn.Module):
    """Input tensors -> {head node: (B, outputs)}, natural parameters of the tasks' kinds."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        let_children_compute()
        self.architecture = architecture
        self.shared = nn.ModuleDict()
        self.stages = StageList(self._modules_of(stages_of(architecture)))
        self.outputs = tuple(dict.fromkeys(head.node for head in architecture.heads))

    def _modules_of(self, stages: tuple[Stage, ...]) -> Iterator[StageModule[Block]]:
        """A module per stage; stages of one block and width that have shared parameters get one shared module."""
        sharing = dict.fromkeys(stage.block for stage in stages if stage.block.shared_parameters(stage.widths))
        for stage in stages:
            kind = StageModule.of(stage.block)
            module = kind(stage)
            if stage.block in sharing:
                alike = [block for block in sharing if type(block) is type(stage.block)]
                variant = alike.index(stage.block)
                name = f"{stage.block.block}{stage.units}" + (f"_{variant}" if variant else "")
                if name not in self.shared:
                    self.shared[name] = kind.shared_module(stage)
                module.attach(cast(WeightedModule, self.shared[name]))
            yield module

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        for module in (*self.stages, *self.shared.values()):
            cast(WeightedModule, module).reset(generator)

    def forward(self, inputs: InputTensors, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Natural parameters at every head's node; ``dtype`` is that of the hidden states below them."""
        if not isinstance(inputs, Mapping):
            raise MtlNasError(
                f"a network takes the tensors of encoded rows, got {type(inputs).__name__}; for a frame: "
                "mn.Model(network, data.schema).predict(frame)"
            )
        activations = self.activations(inputs, dtype)
        return {name: activations.node(name) for name in self.outputs}

    def activations(self, inputs: InputTensors, dtype: torch.dtype | None = None) -> Activations:
        """The outputs of all nodes, in the precision of the weights.

        With ``dtype``, ``matrices`` are expected in it, hidden states are computed in it, and predictions are float32.
        """
        activations = Activations(inputs)
        for module in self.stages:
            output = module(activations)
            if dtype is not None:
                output = output.float() if module.block.predicts else output.to(dtype)
            activations.add(module.stage, output)
        return activations

    @cached_property
    def matrices(self) -> list[tuple[str, nn.Parameter]]:
        """Weights that may have half precision, by name: those that only multiply hidden states."""
        full = {
            f"stages.{index}.{name}"
            for index, module in enumerate(self.stages)
            for name, _ in module.named_parameters()
            if module.needs_full_precision(name)
        }
        return [(name, weight) for name, weight in self.named_parameters() if name not in full]

    def penalty(self) -> Tensor | None:
        """The sum of the penalties that stages add to the loss, a scalar; None if no stage adds one."""
        penalties = [penalty for module in self.stages if (penalty := module.penalty()) is not None]
        return torch.stack(penalties).sum() if penalties else None

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
        return [module.table for module in self.stages if isinstance(module, TableStage)]

    def rates(self) -> dict[nn.Parameter, float]:
        """Factors on the learning rate, of parameters whose factor is not one."""
        return {
            weight: rate
            for module in self.stages
            for name, weight in module.named_parameters()
            if (rate := module.rate(name)) != 1.0
        }

    def parameters_of(self, scope: str) -> list[str]:
        """Names of parameters as in ``named_parameters``: of all nodes for ``all``, else of those with that role."""
        if scope == "all":
            return [name for name, _ in self.named_parameters()]
        nodes = {node.name for node in self.architecture.nodes if node.role == scope}
        tensors = {id(tensor) for node, tensor, _ in self.uses() if node in nodes}
        return [name for name, tensor in self.named_parameters() if id(tensor) in tensors]

    def weights(self) -> dict[str, Tensor]:
        """Parameters and running statistics by node, ``<node>/<name>``: independent of how nodes are grouped."""
        return {name: stacked[member] for name, (stacked, member) in self._members().items()}

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy weights in, or raise an ExportError that names the first one that does not fit the architecture."""
        members = self._members()
        if unknown := sorted(set(weights) - set(members)):
            raise ExportError(f"weight '{unknown[0]}' belongs to no node of this architecture")
        with torch.no_grad():
            for name, (stacked, member) in members.items():
                if name not in weights:
                    raise ExportError(f"weight '{name}' is missing; the weights are of another architecture")
                shape, expected = tuple(weights[name].shape), tuple(stacked[member].shape)
                if shape != expected:
                    raise ExportError(f"weight '{name}' has shape {shape}, this architecture needs {expected}")
                stacked[member].copy_(weights[name])

    def uses(self) -> Iterator[tuple[str, Tensor, int]]:
        """(node, stacked parameter or statistics, the member that the node uses)."""
        for module in self.stages:
            stage = module.stage
            for tensor in module.state_dict(keep_vars=True).values():
                yield from ((node, tensor, member) for node, member in zip(stage.nodes, stage.uses, strict=True))
            yield from ((node, tensor, 0) for tensor in module.shared_parameters for node in stage.nodes)

    def _members(self) -> dict[str, tuple[Tensor, int]]:
        members: dict[str, tuple[Tensor, int]] = {}
        for module in self.stages:
            for path, tensor in module.state_dict(keep_vars=True).items():
                name = path.rpartition(".")[2]
                members.update({f"{owner}/{name}": (tensor, i) for i, owner in enumerate(module.stage.sets)})
        for group, shared in self.shared.items():
            for name, tensor in shared.state_dict(keep_vars=True).items():
                members[f"shared/{group}/{name}"] = (tensor, 0)
        return members


class TooLargeError(ArchitectureError, MemoryError):
    """An architecture whose weights alone do not fit into the memory of this machine."""


def _refuse_too_large(architecture: Architecture, dtype: torch.dtype) -> None:
    if not hasattr(os, "sysconf"):  # Windows; there, torch finds out when memory is taken
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needed = architecture.parameters * torch.finfo(dtype).bits // 8
    if needed > memory:
        raise TooLargeError(
            f"the {architecture.parameters:,} weights of this architecture take {needed / 1e9:,.1f} GB, and this "
            f"machine has {memory / 1e9:,.1f} GB of memory"
        )


def build(architecture: Architecture, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Network:
    """Make the torch module of an architecture, with random weights.

    Args:
        architecture: The graph, from ``compose`` or ``load_architecture``.
        seed: Seed of the weights; an equal architecture and an equal seed give equal weights.
        dtype: Type of the weights.

    Raises:
        ArchitectureError: The weights need more memory than the machine has.

    Returns:
        The module, which maps input tensors to the outputs of its heads. ``Model(network, data.schema)`` predicts rows.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-mmoe")
        >>> network = mn.build(mn.compose(mn.preset("mmoe", data.schema), data.schema), seed=1)
        >>> network.architecture.tasks
        ('y1', 'y2')
    """
    _refuse_too_large(architecture, dtype)
    network = Network(architecture)
    network.reset(torch.Generator().manual_seed(seed))
    return network.to(dtype)
