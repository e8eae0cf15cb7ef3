"""The ONNX graph of encoded rows, behind one that encodes raw columns."""

from collections.abc import Sequence
from typing import Any

from mtl_nas.data import Schema
from mtl_nas.errors import ExportError
from mtl_nas.exports.raw_columns import column_inputs

PREFIX = "network/"


def with_columns(encoded: Any, schema: Schema, inputs: Sequence[str], heads: Sequence[str]) -> Any:
    """A model that reads one input per column and writes one output per head, made of one that reads encoded rows.

    Args:
        encoded: The model (an ``onnx.ModelProto``), of the opset of ``onnx_columns``; it is changed.
        schema: The columns.
        inputs: What the model could read, in order: categories, numbers, then each sequence.
        heads: Names of its outputs, in order.

    Raises:
        ExportError: A head has the name of a column.
    """
    from onnx import compose, helper

    from mtl_nas.exports.onnx_columns import ML_OPSET, GraphBuilder, add_columns, input_type

    columns = column_inputs(schema)
    for head in heads:
        if any(head == column.name for column in columns):
            raise ExportError(
                f"'{head}' is a column that the model reads and a prediction, and ONNX has one name for one thing; "
                "rename the label, or take format onnx-encoded"
            )
    prefix = _free_prefix([*heads, *(column.name for column in columns)])
    model = compose.add_prefix(encoded, prefix)
    graph = model.graph
    read = {entry.name for entry in graph.input}  # the exporter drops inputs that nothing reads
    builder = GraphBuilder(f"{prefix}columns/")
    tensors = add_columns(builder, schema)
    for name, tensor in zip(inputs, (tensors.categories, tensors.numbers, *tensors.sequences), strict=True):
        if f"{prefix}{name}" in read:
            builder.nodes.append(helper.make_node("Identity", [tensor], [f"{prefix}{name}"]))
    builder.add_to(graph)
    for head, output in zip(heads, graph.output, strict=True):
        graph.node.append(helper.make_node("Identity", [output.name], [head]))
        output.name = head
    del graph.input[:]
    for column in columns:
        entry = helper.make_tensor_value_info(column.name, input_type(column), column.shape)
        entry.doc_string = column.holds
        graph.input.append(entry)
    if not any(opset.domain == "ai.onnx.ml" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))
    return model


def _free_prefix(names: Sequence[str]) -> str:
    prefix = PREFIX
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    return prefix
