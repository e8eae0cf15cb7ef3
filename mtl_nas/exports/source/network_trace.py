"""A network that is traced node by node: encodings of columns, nodes and predictions are frames of one another."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from mtl_nas.architecture import Node
from mtl_nas.data import Schema
from mtl_nas.exports.source.naming import identifiers
from mtl_nas.exports.source.tracing import Frame, Recorder, rows_unlike
from mtl_nas.model import InputEncoder, Network, Stage, StageModule, predictions
from mtl_nas.model.activations import Activations

INPUTS = ("categories", "numbers")


class Traced(NamedTuple):
    """The frame of a network, those of the functions that it calls, and the number of rows of the inputs."""

    frame: Frame
    functions: tuple[Frame, ...]
    rows: int
    heads: tuple[str, ...]


class _NodeInputs:
    """What one node reads; it stands where a stage expects ``Activations``."""

    def __init__(self, inputs: Mapping[str, Tensor], nodes: Mapping[str, Tensor]) -> None:
        self.inputs, self._nodes = inputs, nodes

    def node(self, name: str) -> Tensor:
        """One node's output, (B, H)."""
        return self._nodes[name]

    def stack(self, names: Sequence[str]) -> Tensor:
        """Outputs of several nodes, (N, B, H)."""
        outputs = [self._nodes[name] for name in names]
        return outputs[0].unsqueeze(0) if len(outputs) == 1 else torch.stack(outputs)


def trace_network(network: Network, schema: Schema) -> Traced:
    """Run a network on a batch, and keep every call."""
    return _Tracer(network, schema).traced()


class _Tracer:
    def __init__(self, network: Network, schema: Schema) -> None:
        self.network, self.schema, self.architecture = network, schema, network.architecture
        sizes = {size for tensor in network.state_dict().values() for size in tensor.shape}
        sizes |= {*self.architecture.widths.values(), *(size for part in schema.sequences for size in part.sizes)}
        self.rows = rows_unlike(sizes)
        self.recorder = Recorder(self.rows)
        self.functions: list[Frame] = []
        self.names = identifiers([node.name for node in self.architecture.nodes], ("w", "rows", *INPUTS))

    def traced(self) -> Traced:
        categories = torch.ones(self.rows, len(self.schema.categories), dtype=torch.int64)
        numbers = torch.zeros(self.rows, len(self.schema.numbers))
        histories = [
            torch.ones(self.rows, len(part.columns), part.length, dtype=torch.int64) for part in self.schema.sequences
        ]
        names = identifiers([f"history {part.name}" for part in self.schema.sequences], INPUTS)
        parameters = (*INPUTS, *names.values())
        tensors = (categories, numbers, *histories)
        frame = Frame("network", {id(tensor): name for tensor, name in zip(tensors, parameters, strict=True)}, {})
        frame.parameters, frame.alive = parameters, list(tensors)
        with self.recorder, torch.no_grad(), self.recorder.frame(frame):
            inputs = self._encoded(categories, numbers)
            inputs |= {f"sequence/{part.name}": ids for part, ids in zip(self.schema.sequences, histories, strict=True)}
            outputs: dict[str, Tensor] = {}
            for node in self.architecture.nodes:
                outputs[node.name] = self._node(node, inputs, outputs)
            predicted = predictions(outputs, self.architecture, self.schema)
            origins = {head: self.schema.task_of(head)[0].origin for head in predicted}
            predicted = {
                head: values.double() + origins[head] if origins[head] else values for head, values in predicted.items()
            }
        frame.outputs = tuple(predicted.values())
        return Traced(frame, tuple(self.functions), self.rows, tuple(predicted))

    def _encoded(self, categories: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """What the network reads, with a function per encoding and a step per column that has it."""
        encoder = InputEncoder(self.schema, self.architecture)
        if encoder.block is None:
            return {}
        frame = self.recorder.frames[-1]
        frame.constants.update(_constants(encoder.named_buffers(recurse=False)))
        columns = identifiers([column.name for column in self.schema.numbers])
        located, scalar = encoder._located, encoder._scalar

        def traced(original: Callable[[Tensor, int], Any], suffixes: Sequence[str]) -> Callable[[Tensor, int], Any]:
            def run(values: Tensor, index: int) -> Any:
                part = encoder.parts[index]
                column = columns[self.schema.numbers[part.column].name]
                names = [f"{column}_{suffix or part.encoding}" for suffix in suffixes]
                frame = Frame(
                    f"{part.encoding}_number", {id(values): "values"}, _constants(_tensors_of(encoder.columns[index]))
                )
                frame.parameters = ("values",)
                frame.about = _about(encoder.columns[index])
                return self._call(frame, lambda: original(values, index), [values], names, f"{column}.{part.encoding}")

            return run

        encoder._located = traced(located, ("row", "share"))  # type: ignore[method-assign, assignment]
        encoder._scalar = traced(scalar, ("",))  # type: ignore[method-assign, assignment]
        inputs: dict[str, Tensor] = encoder(categories, numbers)
        frame.hints.update({id(tensor): name for name, tensor in inputs.items()})
        return inputs

    def _node(self, node: Node, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> Tensor:
        """The output (B, H) of a node, whose stage has this node alone."""
        sources = tuple(dict.fromkeys(node.inputs))
        widths = self.architecture.input_widths(node)
        units = self.architecture.widths[node.name]
        stage = Stage(node.block, (node.name,), (node.inputs,), widths, units, sources, (node.name,), (0,))
        module = StageModule.of(node.block)(stage).to(_dtype(self.network))
        constants = self._with_weights(module, node).eval()
        read = {name: inputs[name] for name in _inputs_of(module, inputs)}
        given = [*read.values(), *(outputs[name] for name in sources)]
        names = [*map(_plain, read), *_roles(node, sources)]
        frame = Frame(
            f"{node.block.block}_layer", {id(tensor): name for tensor, name in zip(given, names, strict=True)}, {}
        )
        frame.constants = _constants(_tensors_of(constants))
        for shared in module._shared:
            frame.constants |= _constants(_tensors_of(shared))
        frame.parameters = tuple(dict.fromkeys(name.split("[")[0] for name in names))
        frame.about = node.block.label(widths)
        state = _NodeInputs(read, {name: outputs[name] for name in sources})
        args = _arguments(given, names)
        name = self.names[node.name]
        return cast(Tensor, self._call(frame, lambda: module(cast(Activations, state))[0], args, [name], name))

    def _with_weights(self, module: "StageModule[Any]", node: Node) -> nn.Module:
        """The stage of a node with the weights that the node has in the network."""
        for own in self.network.stages:
            if node.name in own.stage.nodes:
                member = own.stage.uses[own.stage.nodes.index(node.name)]
                for shared in own._shared:
                    module.attach(shared)
                module.load_state_dict({name: tensor[member : member + 1] for name, tensor in own.state_dict().items()})
        return module

    def _call(
        self, frame: Frame, run: Callable[[], Any], args: Sequence[Any], names: Sequence[str], weights: str
    ) -> Any:
        result = self.recorder.call(frame, run, args, names, weights)
        self.functions.append(frame)
        return result


def _inputs_of(module: nn.Module, inputs: Mapping[str, Tensor]) -> list[str]:
    """The input tensors that a stage may read: of columns, or of one history."""
    block = getattr(module, "block", None)
    if name := getattr(module, "input_name", None):
        return [name]
    if getattr(block, "block", "") == "embedding":
        return [name for name in inputs if not name.startswith("sequence/")]
    return list(inputs)[:1] if not getattr(block, "roles", ()) else []


def _plain(name: str) -> str:
    return "items" if name.startswith("sequence/") else name


def _roles(node: Node, sources: Sequence[str]) -> list[str]:
    """A name for each source: that of its role, with an index where several have the role."""
    roles = dict(zip(reversed(node.inputs), reversed(node.input_roles), strict=True))
    names = []
    for source in sources:
        role = roles[source].replace(" ", "_")
        alike = [other for other in sources if roles[other] == roles[source]]
        last = node.block.roles[-1] == roles[source] and node.block.variadic
        names.append(f"{role}s[{alike.index(source)}]" if last or len(alike) > 1 else role)
    return names


def _arguments(tensors: Sequence[Tensor], names: Sequence[str]) -> list[Any]:
    """The tensors, those whose names have an index in one list."""
    args: dict[str, Any] = {}
    for tensor, name in zip(tensors, names, strict=True):
        base, _, index = name.partition("[")
        if index:
            args.setdefault(base, []).append(tensor)
        else:
            args[base] = tensor
    return list(args.values())


def _constants(tensors: Iterable[tuple[str, Tensor]]) -> dict[int, tuple[str, Tensor]]:
    return {id(tensor): (name.replace(".", "_"), tensor) for name, tensor in tensors}


def _tensors_of(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _about(module: nn.Module) -> str:
    return (type(module).__doc__ or "").strip().splitlines()[0]


def _dtype(network: Network) -> torch.dtype:
    return next((weight.dtype for weight in network.parameters()), torch.float32)
