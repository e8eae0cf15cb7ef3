"""A model as a Python file that needs torch and numpy alone, with its weights beside it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mtl_nas.data import Schema
from mtl_nas.exports.ensemble_folder import Member, common_heads
from mtl_nas.exports.source import runtime
from mtl_nas.exports.source.bundling import Bundle, bundled
from mtl_nas.exports.source.layout import Group, lines_of
from mtl_nas.exports.source.network_trace import Traced, trace_network
from mtl_nas.exports.source.rendering import Function, Renderer
from mtl_nas.exports.source.tracing import Frame, Step

GENERATED = ("NETWORKS", "PREDICTED")  # names of the runtime that are written for each model


class Source(NamedTuple):
    """The text of ``model.py``, and the content of ``weights.npz``."""

    text: str
    weights: bytes


def source_of(members: Sequence[Member], schema: Schema) -> Source:
    """The Python file of a network or of an ensemble."""
    functions = _Functions()
    networks = []
    for index, member in enumerate(members):
        prefix = f"model{index}/" if len(members) > 1 else ""
        name = f"network_{index}" if len(members) > 1 else "network"
        networks.append(_network(trace_network(member.network, schema), functions, name, prefix))
    bundle = bundled([runtime.load], leave_out=GENERATED)
    shares = [f"({network.name}, {member.share!r})" for network, member in zip(networks, members, strict=True)]
    generated = [
        *lines_of("NETWORKS = ", Group("(", shares, ",)" if len(shares) == 1 else ")"), indent=""),
        *lines_of("PREDICTED = ", _tuple(common_heads(members)), indent=""),
    ]
    code = "\n\n\n".join([*functions.texts, *(network.text for network in networks)])
    functional = ["import torch.nn.functional as F"] if re.search(r"\bF\.", code) else []
    header = ["from __future__ import annotations", "", *_imports([*bundle.imports, *functional])]
    parts = ["\n\n".join([_docstring(members, schema), "\n".join(header)]), code, "\n".join(generated)]
    text = "\n\n\n".join([*parts, _definitions(bundle)]) + "\n"
    tensors = {name: tensor for network in networks for name, tensor in network.constants.items()}
    return Source(text, _npz(tensors))


class _Network(NamedTuple):
    name: str
    text: str
    constants: dict[str, Tensor]


class _Functions:
    """Functions with different texts, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._names: dict[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]], str] = {}

    def name_of(self, base: str, about: str, function: Function) -> str:
        """The name of a function, which is written if no equal one was."""
        key = (base, function.parameters, function.body, function.results)
        if key not in self._names:
            count = sum(other == base for other, *_ in self._names)
            self._names[key] = f"{base}_{count + 1}" if count else base
            self.texts.append(_function(self._names[key], about, function))
        return self._names[key]


def _network(traced: Traced, functions: _Functions, name: str, prefix: str) -> _Network:
    """The function of a network, and all tensors that it reads."""
    called: dict[int, tuple[str, Function]] = {}
    for frame in traced.functions:
        function = Renderer(frame, traced.rows).function()
        called[id(frame)] = functions.name_of(frame.name, frame.about, function), function
    renderer = _NetworkRenderer(traced.frame, traced.rows, called, prefix)
    function = renderer.function()
    heads = [f"{_quoted(head)}: {value}" for head, value in zip(traced.heads, function.results, strict=True)]
    lines = [
        *lines_of("", Group(f"def {name}(", ["w", *traced.frame.parameters], "):"), indent=""),
        '    """Encoded rows -> predictions by task; a line per column, node and prediction."""',
        *(["    rows = len(categories)"] if renderer.reads_rows else []),
        *function.body,
        *lines_of("return ", Group("{", heads, "}")),
    ]
    constants = {
        f"{prefix}{step.weights}/{key}": tensor
        for step in traced.frame.steps
        if isinstance(step.function, Frame)
        for key, tensor in called[id(step.function)][1].constants.items()
    }
    constants |= {f"{prefix}columns/{key}": tensor for key, tensor in function.constants.items()}
    return _Network(name, "\n".join(lines), constants)


class _NetworkRenderer(Renderer):
    """Writes the steps of a network, whose functions read the tensors of a node."""

    returns_last = False

    def __init__(self, frame: Frame, rows: int, called: Mapping[int, tuple[str, Function]], prefix: str) -> None:
        super().__init__(frame, rows, [name for name, _ in called.values()])
        self._called, self._prefix = called, prefix

    def _own_call(self, step: Step, frame: Frame) -> Group:
        name, function = self._called[id(frame)]
        given = dict(zip(frame.parameters, step.args, strict=True))
        args = [self._argument(given[parameter]) for parameter in function.parameters if parameter in given]
        if "rows" in function.parameters:
            self.reads_rows = True
            args.append("rows")
        if function.constants:
            args.append(f'w["{self._prefix}{step.weights}"]')
        return Group(f"{name}(", args, ")")

    def _tensor(self, tensor: Tensor) -> str:
        text = super()._tensor(tensor)
        return f'w["{self._prefix}columns"].{text[2:]}' if re.match(r"w\.\w+$", text) else text


def _function(name: str, about: str, function: Function) -> str:
    documentation = [f'    """{_words(about)}"""'] if about else []
    header = lines_of("", Group(f"def {name}(", function.parameters, "):"), indent="")
    results = lines_of("return ", ", ".join(function.results)) if function.results else []
    return "\n".join([*header, *documentation, *function.body, *results])


def _imports(lines: Sequence[str]) -> list[str]:
    """The lines of imports: of Python first, then of torch and numpy."""
    sections = []
    for others in (False, True):
        own = sorted(line for line in lines if bool(re.match(r"(import|from) (torch|numpy)", line)) == others)
        plain = [line for line in own if line.startswith("import ")]
        from_lines = [line.split(" import ") for line in own if line.startswith("from ")]
        merged = [
            f"{module} import {', '.join(sorted((name for _, name in group), key=_isort_key))}"
            for module, group in groupby(from_lines, key=lambda parts: parts[0])
        ]
        sections.append([*plain, *merged])
    return [*sections[0], "", *sections[1]]


def _isort_key(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then functions."""
    return (not name.isupper(), name[:1].islower(), name)


def _definitions(bundle: Bundle) -> str:
    """Definitions, with two empty lines around functions and classes."""
    text = ""
    previous = "def"
    for definition in bundle.definitions:
        kind = "def" if re.match(r"(@|def |class )", definition) else "constant"
        text += definition if not text else ("\n" if kind == previous == "constant" else "\n\n\n") + definition
        previous = kind
    return text


def _docstring(members: Sequence[Member], schema: Schema) -> str:
    heads = common_heads(members)
    count = len(members[0].network.architecture.tasks)
    tasks = f"{count} task{'s' * (count > 1)}"
    what = f"a mean of {len(members)} networks" if len(members) > 1 else "a network"
    parameters = sum(member.network.architecture.parameters for member in members)
    tasks_of_heads = {head: schema.task_of(head)[0] for head in heads}
    meanings = [f"    {_words(f'{head}: {task.rules.meaning(task)}')}" for head, task in tasks_of_heads.items()]
    lines = [
        f'"""A multi-task model for {tasks}: {what}, {parameters:,} parameters.',
        "",
        "Predictions:",
        "",
        *meanings,
        "",
        "    model = load()  # weights.npz and columns.json lie beside this file",
        '    predictions = model.predict({"column": [...], ...})  # values as in the table, by column',
        "",
        "Below: functions of nodes, each traced from the network that was trained; the network, one line per node; the",
        "model; and how columns are read. B is the number of rows. Needs torch and numpy.",
        '"""',
    ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return repr(text) if '"' in text else json.dumps(text, ensure_ascii=not text.isprintable())


def _words(text: str) -> str:
    """A text in one line of a docstring."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.replace("\\", "\\\\").replace('"', "'").split())


def _tuple(names: Iterable[str]) -> Group:
    items = [_quoted(name) for name in names]
    return Group("(", items, ",)" if len(items) == 1 else ")")


def _npz(tensors: dict[str, Tensor]) -> bytes:
    arrays: dict[str, NDArray[np.generic]] = {
        name: np.ascontiguousarray(tensor.detach().numpy()) for name, tensor in tensors.items()
    }
    buffer = BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # which takes any name
    return buffer.getvalue()
