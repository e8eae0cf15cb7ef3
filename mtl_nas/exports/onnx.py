"""A model as one ONNX file, whose predictions are compared with those of the torch model."""

import importlib
import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mtl_nas.data import Schema, Task
from mtl_nas.errors import ExportError
from mtl_nas.exports.ensemble_folder import Member, common_heads
from mtl_nas.exports.onnx_inputs import input_arrays, preprocessing, random_rows
from mtl_nas.exports.onnx_module import RawEnsemble, RawModel
from mtl_nas.files import whole_file, write_whole
from mtl_nas.model import Network, predict_rows

MODEL, PREPROCESSING = "model.onnx", "preprocessing.json"
TOLERANCE = 1e-5  # largest difference from the torch model, in probability or in units of a task's scale
TRACED_ROWS = 8
CHECKED_ROWS = 257  # another batch size than the traced one


def write_onnx(folder: Path, model: Network | Sequence[Member], schema: Schema) -> float:
    """Write ``model.onnx``, the network or the mean of several, and ``preprocessing.json``.

    Returns:
        The largest difference from the torch model on random rows, in probability or in units of a task's scale.

    Raises:
        ExportError: The extra is missing, or the difference exceeds ``TOLERANCE``.
    """
    members = [Member("model", 1.0, model)] if isinstance(model, Network) else list(model)
    runtime = _extra("onnxruntime")
    _extra("onnxscript")
    inputs = tuple(input_arrays(random_rows(schema, TRACED_ROWS), schema))
    with whole_file(folder / MODEL) as part:
        _trace(part, members, schema)
        difference = _difference(runtime, part, members, schema)
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the ONNX model differs by {difference:.1e} from the torch model, more than {TOLERANCE:.0e}"
            )
    heads = common_heads(members)
    write_whole(folder / PREPROCESSING, json.dumps(preprocessing(schema, inputs, heads), indent=1).encode())
    return difference


def _trace(path: Path, members: Sequence[Member], schema: Schema) -> None:
    """Write the ONNX file; the number of rows is dynamic."""
    arrays = input_arrays(random_rows(schema, TRACED_ROWS), schema)
    batch = torch.export.Dim("batch", min=1)
    sequences = tuple({0: batch} for _ in schema.sequences)
    module = RawModel(members[0].network, schema) if len(members) == 1 else RawEnsemble(members, schema)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns about its own code
        for name in ("torch.onnx", "onnxscript", "onnx_ir"):
            logging.getLogger(name).setLevel(logging.ERROR)
        program = torch.onnx.export(
            module.eval(),
            tuple(torch.tensor(array) for array in arrays.values()),
            dynamo=True,
            dynamic_shapes=({0: batch}, {0: batch}, *([sequences] if sequences else [])),
            input_names=list(arrays),
            output_names=[f"output{index}" for index in range(len(common_heads(members)))],
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _clear_metadata(model)
    path.write_bytes(model.SerializeToString())


def _clear_metadata(message: Any) -> None:
    """Remove the exporter's notes from all parts of a model, among them source lines with paths of this machine."""
    for field, value in message.ListFields():
        if field.name == "metadata_props":
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                _clear_metadata(part)


def _difference(runtime: Any, path: Path, members: Sequence[Member], schema: Schema) -> float:
    """The largest difference of the file's predictions from those of the network, or from the mean of several."""
    rows = random_rows(schema, CHECKED_ROWS)
    predicted = [predict_rows(member.network, rows, schema) for member in members]
    means = {
        head: np.sum([member.share * part[head] for member, part in zip(members, predicted, strict=True)], axis=0)
        for head in common_heads(members)
    }
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}  # the exporter drops inputs that nothing reads
    outputs = session.run(None, {name: array for name, array in input_arrays(rows, schema).items() if name in names})
    return max(
        float((np.abs(values - task.origin - expected) / _unit(expected, task)).max())
        for values, (head, expected) in zip(outputs, means.items(), strict=True)
        for task, _ in (schema.task_of(head),)
    )


def _unit(expected: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """The unit of a difference: 1 for probabilities; for numbers the task's scale, or their own size if larger."""
    if task.rules.has_classes:
        return np.ones_like(expected)
    return np.maximum(task.scale, np.abs(expected - task.center))


def _extra(module: str) -> Any:
    """Import a module of the extra ``onnx``, or raise an ExportError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ExportError(f"ONNX export needs {module}: pip install 'mtl_nas[onnx]'") from None
