"""A model as a graph of ``torch.export``, which torch runs, compiles and lowers without this library."""

import json
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import torch

from mtl_nas.data import Schema
from mtl_nas.errors import ExportError
from mtl_nas.exports.checking import CHECKED_ROWS, largest_difference
from mtl_nas.exports.ensemble_folder import Member, common_heads
from mtl_nas.exports.onnx_inputs import input_arrays, preprocessing, random_rows
from mtl_nas.exports.onnx_module import raw_module
from mtl_nas.files import write_together

MODEL, PREPROCESSING = "model.pt2", "preprocessing.json"
TOLERANCE = 1e-6  # largest difference from the model, in probability or in units of a task's scale
TRACED_ROWS = 8


def write_torch_export(folder: Path, members: Sequence[Member], schema: Schema) -> float:
    """Write ``model.pt2``, which reads encoded rows, and ``preprocessing.json``, which says how they are made.

    Returns:
        The largest difference from the model on drawn rows, in probability or in units of a task's scale.

    Raises:
        ExportError: The difference exceeds ``TOLERANCE``.
    """
    arrays = input_arrays(random_rows(schema, TRACED_ROWS), schema)
    batch = torch.export.Dim("batch", min=1)
    sequences = tuple({0: batch} for _ in schema.sequences)
    buffer = BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch warns about its own code
        program = torch.export.export(
            raw_module(members, schema).eval(),
            tuple(torch.tensor(array) for array in arrays.values()),
            dynamic_shapes=({0: batch}, {0: batch}, *([sequences] if sequences else [])),
        )
        torch.export.save(program, buffer)
        buffer.seek(0)
        module = torch.export.load(buffer).module()
        rows = random_rows(schema, CHECKED_ROWS)
        outputs = module(*(torch.tensor(array) for array in input_arrays(rows, schema).values()))
    heads = common_heads(members)
    predicted = {head: values.double().numpy() for head, values in zip(heads, outputs, strict=True)}
    difference = largest_difference(predicted, members, rows, schema)
    if not difference <= TOLERANCE:
        raise ExportError(f"the exported graph differs by {difference:.1e} from the model, more than {TOLERANCE:.0e}")
    description = json.dumps(preprocessing(schema, tuple(arrays), heads), indent=1, ensure_ascii=False).encode()
    write_together(folder, {MODEL: buffer.getvalue(), PREPROCESSING: description})
    return difference
