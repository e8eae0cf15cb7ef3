"""Writes the files of a model that stands alone, after they were compared with the model."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtl_nas.data import Schema, encode_rows
from mtl_nas.errors import ExportError
from mtl_nas.exports.checking import CHECKED_ROWS, largest_difference
from mtl_nas.exports.ensemble_folder import Member
from mtl_nas.exports.raw_rows import raw_rows
from mtl_nas.exports.source.writer import Source, source_of
from mtl_nas.files import write_together

MODEL, WEIGHTS, COLUMNS = "model.py", "weights.npz", "columns.json"
TOLERANCE = 1e-6  # largest difference from the model, in probability or in units of a task's scale


def write_source(folder: Path, members: Sequence[Member], schema: Schema) -> float:
    """Write ``model.py``, ``weights.npz`` and ``columns.json``.

    Returns:
        The largest difference from the model on drawn rows, some of whose values are missing or unseen, in probability
        or in units of a task's scale.

    Raises:
        ExportError: A block cannot be written, or the difference exceeds ``TOLERANCE``.
    """
    source, columns = source_of(members, schema), json.dumps(_columns(schema), indent=1, ensure_ascii=False)
    difference = _difference(source, columns, members, schema)
    if not difference <= TOLERANCE:
        raise ExportError(
            f"the source file differs by {difference:.1e} from the model, more than {TOLERANCE:.0e}; take format "
            "torch-export"
        )
    write_together(folder, {MODEL: source.text.encode(), WEIGHTS: source.weights, COLUMNS: columns.encode()})
    return difference


def _columns(schema: Schema) -> dict[str, Any]:
    """What the file needs of a schema: vocabularies, origins, and marks of missing values."""
    numbers = {"__all__": {"name", "origin", "time", "unit"}}
    return schema.model_dump(
        mode="json", include={"categories": True, "numbers": numbers, "sequences": True, "missing": True}
    )


def _difference(source: Source, columns: str, members: Sequence[Member], schema: Schema) -> float:
    """The largest difference of what the file predicts, which is run as it will be read."""
    namespace: dict[str, Any] = {"__name__": "model", "__file__": MODEL}
    exec(compile(source.text, MODEL, "exec"), namespace)  # it was written a moment ago
    with np.load(BytesIO(source.weights), allow_pickle=False) as file:
        tensors = {name: torch.from_numpy(file[name]) for name in file.files}
    model = namespace["Model"](tensors, json.loads(columns)).eval()
    table = raw_rows(schema, CHECKED_ROWS)
    outputs = model.predict({str(name): table[name].tolist() for name in table})
    return largest_difference(outputs, members, encode_rows(table, schema, labels=False), schema)
