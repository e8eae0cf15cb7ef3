"""Steps of a traced function as lines of Python."""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import resolve_name

from mtl_nas.errors import ExportError
from mtl_nas.exports.source.layout import Code, Group, commented, lines_of
from mtl_nas.exports.source.naming import defaults_of, result_name
from mtl_nas.exports.source.tracing import Frame, Step

BINARY = {
    **{"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@", "pow": "**", "__pow__": "**"},
    **{"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "__eq__": "==", "__and__": "&", "__or__": "|", "__xor__": "^"},
}
REFLECTED = {"__rsub__": "-", "__rtruediv__": "/", "__rdiv__": "/", "__rpow__": "**", "__rmul__": "*", "__radd__": "+"}
UNARY = {"neg": "-", "__invert__": "~"}
PYTHON_NAMES = {"torch.nn.functional.": "F.", "torch.functional.": "torch."}
PRIMARIES = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Tuple)
NONE: Mapping[str, Any] = {}
SHORT = 45  # characters up to which a value that is read once stands where it is read
IDENTITIES = ("detach", "contiguous")  # in a prediction


class Function(NamedTuple):
    """The text of a function but for its name, and the constants that it reads by name."""

    parameters: tuple[str, ...]
    body: tuple[str, ...]
    results: tuple[str, ...]
    constants: Mapping[str, Tensor]


class Renderer:
    """Writes the steps of one frame."""

    returns_last = True  # without a name for the result of the last step

    def __init__(self, frame: Frame, rows: int, taken: Iterable[str] = ()) -> None:
        """``taken``: names that no result may have."""
        self.frame, self.rows = frame, rows
        self.constants: dict[str, Tensor] = {}
        self.reads_rows = False
        self._constant_names: dict[int, str] = {}
        self._names = dict(frame.inputs)
        self._inline: dict[int, str] = {}
        self._uses = Counter(id(tensor) for step in frame.steps for tensor in step.reads)
        self._uses.update(id(tensor) for tensor in frame.outputs)
        self._taken = Counter(name.split("[")[0] for name in frame.inputs.values())
        self._taken.update(["w", "rows", "F", "torch", *taken])

    def function(self) -> Function:
        """The parameters that are read, the lines of the body, the results and the constants of the frame.

        Where the last step makes the only result, the body ends with its return, and there are no results.
        """
        *steps, last = self._needed()
        body = [line for step in steps for line in self._lines(step)]
        if self.returns_last and len(last.outputs) == len(self.frame.outputs) == 1 and not last.many:
            body += lines_of("return ", self._code(last))
            results: tuple[str, ...] = ()
        else:
            body += self._lines(last)
            results = tuple(self._text(output) for output in self.frame.outputs)
        words = set(re.findall(r"\w+", " ".join([*body, *results])))
        parameters = [name for name in self.frame.parameters if name in words]
        extra = [name for name, read in (("rows", self.reads_rows), ("w", bool(self.constants))) if read]
        return Function((*parameters, *extra), tuple(body), results, self.constants)

    def _needed(self) -> list[Step]:
        """The steps on which the outputs depend."""
        wanted, needed = {id(output) for output in self.frame.outputs}, []
        for step in reversed(self.frame.steps):
            if any(id(output) in wanted for output in step.outputs):
                needed.append(step)
                wanted |= {id(tensor) for tensor in step.reads}
        return needed[::-1]

    def _lines(self, step: Step) -> list[str]:
        if self._is_identity(step):
            self._names[id(step.outputs[0])] = self._text(step.args[0])
            return []
        code = self._code(step)
        if len(step.outputs) == 1 and not step.names and self._stands_where_it_is_read(step, code):
            self._inline[id(step.outputs[0])] = str(code)
            return []
        names = [self._named(step, output, position) for position, output in enumerate(step.outputs)]
        left = ", ".join(names) if len(names) > 1 else names[0]
        if len(names) == 1 and step.many:
            left = f"({left},)"
        shapes = ", ".join(self._shape(output) for output in step.outputs if self._uses[id(output)])
        return commented(left, code, shapes)

    def _is_identity(self, step: Step) -> bool:
        return not isinstance(step.function, Frame) and getattr(step.function, "__name__", "") in IDENTITIES

    def _stands_where_it_is_read(self, step: Step, code: Code) -> bool:
        """Whether a value is short and read once, by a step of the same frame."""
        output = step.outputs[0]
        if isinstance(step.function, Frame) or step.many or id(output) in self.frame.hints:
            return False
        return self._uses[id(output)] == 1 and len(str(code)) <= SHORT

    def _named(self, step: Step, output: Tensor, position: int) -> str:
        if not self._uses[id(output)]:
            return "_"
        base = step.names[position] if step.names else self.frame.hints.get(id(output), result_name(step))
        name, count = base, 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken[name] += 1
        self._names[id(output)] = name
        return name

    def _code(self, step: Step) -> Code:
        if isinstance(step.function, Frame):
            return self._own_call(step, step.function)
        name = resolve_name(step.function)
        if name is None:
            raise ExportError(f"a source file cannot hold {step.function!r}; take format torch-export")
        for module, short in PYTHON_NAMES.items():
            name = name.replace(module, short)
        if name.endswith(".__get__"):
            return f"{self._operand(step.args[0])}.{name.split('.')[-2]}"
        if not name.startswith("torch.Tensor."):
            return self._call(f"{name}(", step.args, step.kwargs, defaults_of(step.function))
        return self._method(getattr(step.function, "__name__", ""), name.split(".")[-1], step)

    def _own_call(self, step: Step, frame: Frame) -> Group:
        """The call of a traced function."""
        raise NotImplementedError(f"'{frame.name}' is called by a function that is no network")

    def _method(self, name: str, resolved: str, step: Step) -> Code:
        first, *others = step.args
        if resolved == "__getitem__":
            return f"{self._operand(first)}[{self._index(others[0])}]"
        for word in (resolved, name):
            if word in BINARY and not step.kwargs:
                return f"{self._operand(first)} {BINARY[word]} {self._operand(others[0])}"
            if word in REFLECTED:
                return f"{self._operand(others[0])} {REFLECTED[word]} {self._operand(first)}"
            if word in UNARY:
                return f"{UNARY[word]}{self._operand(first)}"
        return self._call(f"{self._operand(first)}.{resolved}(", others, step.kwargs)

    def _call(
        self, opening: str, args: Iterable[Any], kwargs: Mapping[str, Any], defaults: Mapping[str, Any] = NONE
    ) -> Group:
        items: list[Code] = [self._argument(arg) for arg in args]
        while items and items[-1] == "None":
            items.pop()
        named = {key: value for key, value in kwargs.items() if key != "device" and value != defaults.get(key)}
        items += [f"{key}={self._argument(value)}" for key, value in named.items()]
        return Group(opening, items, ")")

    def _argument(self, value: Any) -> Code:
        if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
            texts = [self._argument(part) for part in value]
            many = re.match(r"(\w+)\[0\]$", str(texts[0])) if texts else None
            if many and list(map(str, texts)) == [f"{many[1]}[{index}]" for index in range(self._count(many[1]))]:
                return many[1]
            closing = ",)" if isinstance(value, tuple) and len(value) == 1 else ")"
            return Group("[", texts, "]") if isinstance(value, list) else Group("(", texts, closing)
        return self._text(value)

    def _count(self, name: str) -> int:
        """Number of inputs that a list of that name holds."""
        return sum(text.startswith(f"{name}[") for text in self.frame.inputs.values())

    def _operand(self, value: Any) -> str:
        text = self._text(value)
        return text if isinstance(ast.parse(text, mode="eval").body, PRIMARIES) else f"({text})"

    def _text(self, value: Any) -> str:  # one return per type
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return f'"{value}"' if isinstance(value, str) else repr(value)
        if isinstance(value, int):
            return self._size(value)
        if isinstance(value, float):
            return repr(value).replace("e+", "e") if math.isfinite(value) else f'float("{value}")'
        if isinstance(value, torch.dtype):
            return str(value)
        if isinstance(value, torch.Size | list | tuple):
            return str(self._argument(tuple(value)))
        raise ExportError(f"a source file cannot hold {value!r:.80}; take format torch-export")

    def _tensor(self, tensor: Tensor) -> str:
        key = id(tensor)
        if key in self._inline:
            return self._inline[key]
        if key in self._names:
            return self._names[key]
        if key not in self.frame.constants:
            raise ExportError("a source file cannot hold a tensor that no step makes; take format torch-export")
        if key not in self._constant_names:
            base = self.frame.constants[key][0]
            name, count = base, 1
            while name in self.constants:
                count += 1
                name = f"{base}_{count}"
            self._constant_names[key] = name
            self.constants[name] = tensor
        return f"w.{self._constant_names[key]}"

    def _size(self, size: int) -> str:
        if size <= 0 or size % self.rows:
            return str(size)
        self.reads_rows = True
        return "rows" if size == self.rows else f"{size // self.rows} * rows"

    def _shape(self, tensor: Tensor) -> str:
        sizes = [
            ("B" if size == self.rows else f"{size // self.rows}B") if size and not size % self.rows else str(size)
            for size in tensor.shape
        ]
        return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"

    def _index(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return ", ".join(self._index_part(part) for part in parts)

    def _index_part(self, part: Any) -> str:
        if isinstance(part, slice):
            bounds = ["" if bound is None else self._text(bound) for bound in (part.start, part.stop)]
            return ":".join(bounds) + ("" if part.step is None else f":{part.step}")
        return "..." if part is Ellipsis else self._text(part)
