"""Nodes and constants of an ONNX graph, added one by one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

ML_OPSET = 4  # of ai.onnx.ml: the first whose LabelEncoder reads doubles
ML = "ai.onnx.ml"
TEXT, DOUBLE, FLOAT, INT64, BOOL = (
    TensorProto.STRING,
    TensorProto.DOUBLE,
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.BOOL,
)


class GraphBuilder:
    """Adds nodes to a graph; a tensor is the name of the node's output.

    Equal nodes, those of one kind with equal inputs and attributes, are one node.
    """

    def __init__(self, prefix: str) -> None:
        """``prefix``: what the names of all tensors begin with, so that none is the name of a column."""
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._prefix = prefix
        self._names: dict[bytes, str] = {}

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> str:
        """Add a node; the name of its first output."""
        node = helper.make_node(kind, list(inputs), [], domain=domain, **attributes)
        key = node.SerializeToString()
        if key not in self._names:
            name = f"{self._prefix}{len(self._names)}"
            node.output.extend([name, *(f"{name}/{index}" for index in range(1, outputs))])
            node.name = name
            self.nodes.append(node)
            self._names[key] = name
        return self._names[key]

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add a constant tensor; texts are an array of objects."""
        array: NDArray[Any] = np.asarray(values, dtype=object if _is_text(values) else dtype)
        tensor = numpy_helper.from_array(array, "")
        key = tensor.SerializeToString()
        if key not in self._names:
            tensor.name = f"{self._prefix}{len(self._names)}"
            self.constants.append(tensor)
            self._names[key] = tensor.name
        return self._names[key]

    def cast(self, tensor: str, to: int) -> str:
        """The tensor in another type."""
        return self.op("Cast", tensor, to=to)

    def any_of(self, *masks: str) -> str:
        """Where at least one mask is true."""
        first, *others = masks
        for mask in others:
            first = self.op("Or", first, mask)
        return first

    def where(self, mask: str, then: str, otherwise: str) -> str:
        """``then`` where the mask is true."""
        return self.op("Where", mask, then, otherwise)

    def codes(self, tensor: str, code_of: Mapping[Any, int], default: int, dtype: Any = None) -> str:
        """The code of each value, int64 of the same shape; ``dtype`` is that of the values unless they are texts."""
        if not code_of:
            return self.where(self.op("Equal", tensor, tensor), *(self.constant(default, np.int64),) * 2)
        numbers = list(code_of.values())
        if dtype is None:
            keys: dict[str, Any] = {"keys_strings": list(code_of), "values_int64s": numbers, "default_int64": default}
        else:
            keys = {
                "keys_tensor": numpy_helper.from_array(np.array(list(code_of), dtype=dtype)),
                "values_tensor": numpy_helper.from_array(np.array(numbers, dtype=np.int64)),
                "default_tensor": numpy_helper.from_array(np.array([default], dtype=np.int64)),
            }
        return self.op("LabelEncoder", tensor, domain=ML, **keys)

    def matches(self, texts: str, pattern: str) -> str:
        """Where a whole text matches a regular expression."""
        return self.op("RegexFullMatch", texts, pattern=pattern)

    def add_to(self, graph: GraphProto) -> None:
        """Put the nodes before those of a graph."""
        later = list(graph.node)
        del graph.node[:]
        graph.node.extend([*self.nodes, *later])
        graph.initializer.extend(self.constants)


def _is_text(values: Any) -> bool:
    if isinstance(values, str):
        return True
    return isinstance(values, Sequence) and any(isinstance(value, str) for value in values)
