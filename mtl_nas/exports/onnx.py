"""A model as one ONNX file, whose predictions are compared with those of the torch model."""

import importlib
import json
import logging
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from mtl_nas.data import Rows, Schema, encode_rows
from mtl_nas.errors import ExportError
from mtl_nas.exports.checking import CHECKED_ROWS, largest_difference
from mtl_nas.exports.ensemble_folder import Member, common_heads
from mtl_nas.exports.onnx_inputs import input_arrays, preprocessing, random_rows
from mtl_nas.exports.onnx_merging import with_columns
from mtl_nas.exports.onnx_module import raw_module
from mtl_nas.exports.raw_columns import column_inputs
from mtl_nas.exports.raw_rows import input_columns, raw_rows
from mtl_nas.files import whole_file, write_whole
from mtl_nas.model import Network

MODEL, INPUTS, PREPROCESSING = "model.onnx", "inputs.json", "preprocessing.json"
OPSET = 20  # of ai.onnx: the first with texts that are matched and split
TOLERANCE = 1e-5  # largest difference from the torch model, in probability or in units of a task's scale
TRACED_ROWS = 8


def write_onnx(folder: Path, model: Network | Sequence[Member], schema: Schema, *, raw: bool = True) -> float:
    """Write ``model.onnx``, the network or the mean of several, and a description of its inputs.

    Args:
        folder: Where to write.
        model: The network, or the members of an ensemble.
        schema: The columns and tasks.
        raw: Whether the file has one input per column of the table, described in ``inputs.json``. Otherwise it reads
            encoded rows, and ``preprocessing.json`` says how they are made.

    Returns:
        The largest difference from the torch model on drawn rows, some of whose values are missing or unseen, in
        probability or in units of a task's scale.

    Raises:
        ExportError: The extra is missing, or the difference exceeds ``TOLERANCE``.
    """
    members = [Member("model", 1.0, model)] if isinstance(model, Network) else list(model)
    runtime = _extra("onnxruntime")
    _extra("onnxscript")
    heads = common_heads(members)
    inputs = tuple(input_arrays(random_rows(schema, TRACED_ROWS), schema))
    with whole_file(folder / MODEL) as part:
        proto = _traced(members, schema)
        if raw:
            proto = with_columns(proto, schema, inputs, heads)
        part.write_bytes(proto.SerializeToString())
        difference = _difference(runtime, part, members, schema, raw=raw)
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the ONNX model differs by {difference:.1e} from the torch model, more than {TOLERANCE:.0e}"
            )
    if raw:
        description = _described(proto, schema, heads)
        write_whole(folder / INPUTS, json.dumps(description, indent=1, ensure_ascii=False).encode())
    else:
        write_whole(folder / PREPROCESSING, json.dumps(preprocessing(schema, inputs, heads), indent=1).encode())
    return difference


def _traced(members: Sequence[Member], schema: Schema) -> Any:
    """The ONNX model of encoded rows; the number of rows is dynamic."""
    arrays = input_arrays(random_rows(schema, TRACED_ROWS), schema)
    batch = torch.export.Dim("batch", min=1)
    sequences = tuple({0: batch} for _ in schema.sequences)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns about its own code
        for name in ("torch.onnx", "onnxscript", "onnx_ir"):
            logging.getLogger(name).setLevel(logging.ERROR)
        program = torch.onnx.export(
            raw_module(members, schema).eval(),
            tuple(torch.tensor(array) for array in arrays.values()),
            dynamo=True,
            dynamic_shapes=({0: batch}, {0: batch}, *([sequences] if sequences else [])),
            input_names=list(arrays),
            output_names=[f"output{index}" for index in range(len(common_heads(members)))],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _clear_metadata(model)
    return model


def _described(proto: Any, schema: Schema, heads: Sequence[str]) -> dict[str, Any]:
    """What the file reads and says, and of which versions it is."""
    tasks = {head: schema.task_of(head)[0] for head in heads}
    return {
        "opsets": {opset.domain or "ai.onnx": opset.version for opset in proto.opset_import},
        "ir_version": proto.ir_version,
        "written_by": {name: metadata.version(name) for name in ("mtl_nas", "torch", "onnx", "onnxruntime")},
        "inputs": {
            column.name: {"type": column.type, "shape": list(column.shape), "holds": column.holds}
            for column in column_inputs(schema)
        },
        "outputs": {head: task.rules.meaning(task) for head, task in tasks.items()},
        "classes": {head: list(task.classes) for head, task in tasks.items() if len(task.columns) > 1},
    }


def _clear_metadata(message: Any) -> None:
    """Remove the exporter's notes from all parts of a model, among them source lines with paths of this machine."""
    for field, value in message.ListFields():
        if field.name == "metadata_props":
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                _clear_metadata(part)


def _difference(runtime: Any, path: Path, members: Sequence[Member], schema: Schema, *, raw: bool) -> float:
    """The largest difference of the file's predictions from those of the network, or from the mean of several."""
    rows, given = _checked_rows(schema, raw=raw)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}  # the exporter drops inputs that nothing reads
    outputs = session.run(None, {name: array for name, array in given.items() if name in names})
    return largest_difference(dict(zip(common_heads(members), outputs, strict=True)), members, rows, schema)


def _checked_rows(schema: Schema, *, raw: bool) -> tuple[Rows, dict[str, NDArray[Any]]]:
    """Encoded rows, and the inputs of the file for the same rows."""
    if not raw:
        rows = random_rows(schema, CHECKED_ROWS)
        return rows, input_arrays(rows, schema)
    table = raw_rows(schema, CHECKED_ROWS)
    return encode_rows(table, schema, labels=False), input_columns(table, schema)


def _extra(module: str) -> Any:
    """Import a module of the extra ``onnx``, or raise an ExportError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ExportError(f"ONNX export needs {module}: pip install 'mtl_nas[onnx]'") from None
