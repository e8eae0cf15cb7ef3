"""A model as one ONNX file that reads encoded categories and raw numbers; checked before it is kept."""

import importlib
import json
import logging
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtl_nas.blocks import Embedding
from mtl_nas.data import Number, Rows, Schema, Task
from mtl_nas.errors import ExportError
from mtl_nas.exports.model_folder import LoadedModel
from mtl_nas.model.features import NORMAL_GRID, NORMAL_SCORES, boundaries, input_tensors, knots
from mtl_nas.model.prediction import name_of, predict, predictions
from mtl_nas.random_streams import EXPORT_CHECK_SEED
from mtl_nas.record.folder import write_whole

MODEL, PREPROCESSING = "model.onnx", "preprocessing.json"
TOLERANCE = 1e-5
ROWS_CHECKED = 257  # another batch size than the one that is traced


class RawModel(nn.Module):
    """categories (B, C) int64, numbers (B, M) float32 with NaN for missing, sequences -> one tensor a head."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__()
        self.network, self.schema = model.network, model.schema
        blocks = [node.block for node in model.architecture.nodes if isinstance(node.block, Embedding)]
        self.block = blocks[0] if blocks else None
        if self.block is None:
            return
        sizes = [field.size for field in self.block.categories]
        self.register_buffer("starts", torch.tensor([sum(sizes[:place]) for place in range(len(sizes))]).long())
        first = sum(sizes) + self.block.number_rows * torch.arange(len(self.block.numbers))
        self.register_buffer("number_starts", first.long())
        numbers = model.schema.numbers
        for place, number in enumerate(numbers):
            edges = _edges(number, self.block)
            self.register_buffer(f"edges{place}", torch.tensor(edges, dtype=torch.float64))
        self.register_buffer("means", torch.tensor([number.mean for number in numbers], dtype=torch.float64))
        deviations = [number.deviation or 1.0 for number in numbers]
        self.register_buffer("deviations", torch.tensor(deviations, dtype=torch.float64))
        self.register_buffer("normal_scores", torch.tensor(NORMAL_SCORES))
        self.flags = [place for place, number in enumerate(numbers) if number.name in self.block.missing]

    def forward(self, categories: Tensor, numbers: Tensor, *sequences: Tensor) -> tuple[Tensor, ...]:
        """Predictions in the order of the heads."""
        inputs = {
            f"sequence/{sequence.name}": ids for sequence, ids in zip(self.schema.sequences, sequences, strict=True)
        }
        if self.block is not None:
            inputs.update(self._embedded(categories, numbers, self.block))
        outputs = self.network(inputs)
        heads = self.network.architecture.heads
        return tuple(predictions(outputs, heads, self.schema).values())

    def _embedded(self, categories: Tensor, numbers: Tensor, block: Embedding) -> dict[str, Tensor]:
        ids = [categories + cast(Tensor, self.starts)] if block.categories else []
        found: dict[str, Tensor] = {}
        if block.numbers:
            columns = [numbers[:, place].double() for place in range(len(block.numbers))]
            missing = [torch.isnan(column) for column in columns]
            filled = [torch.where(lost, 0.0, column) for column, lost in zip(columns, missing, strict=True)]
            if block.tabled:
                located = [self._located(column, place, block) for place, column in enumerate(filled)]
                rows = [torch.where(lost, 0, row) for (row, _), lost in zip(located, missing, strict=True)]
                ids.append(torch.stack(rows, dim=1) + cast(Tensor, self.number_starts))
                shares = [torch.where(lost, 0.0, share) for (_, share), lost in zip(located, missing, strict=True)]
                found["fractions"] = torch.stack(shares, dim=1).float()
            else:
                scalars = [self._scalar(column, place, block) for place, column in enumerate(filled)]
                scalars = [torch.where(lost, 0.0, column) for column, lost in zip(scalars, missing, strict=True)]
                flags = [missing[place].double() for place in self.flags]
                found["scalars"] = torch.stack([*scalars, *flags], dim=1).float()
        if ids:
            found["ids"] = torch.cat(ids, dim=1)
        return found

    def _located(self, column: Tensor, place: int, block: Embedding) -> tuple[Tensor, Tensor]:
        edges = cast(Tensor, getattr(self, f"edges{place}"))
        if block.encoding == "bucket":
            return 1 + _at_least(column, edges), torch.zeros_like(column)
        lower = (_at_least(column, edges) - 1).clamp(0, max(len(edges) - 2, 0))
        upper = (lower + 1).clamp(max=len(edges) - 1)
        width = edges[upper] - edges[lower]
        share = (column - edges[lower]) / torch.where(width > 0, width, 1.0)
        return 1 + lower, share.clamp(0.0, 1.0)

    def _scalar(self, column: Tensor, place: int, block: Embedding) -> Tensor:
        if block.encoding == "standard":
            return (column - cast(Tensor, self.means)[place]) / cast(Tensor, self.deviations)[place]
        edges = cast(Tensor, getattr(self, f"edges{place}"))
        above = _rank(column, edges, _at_least(column, edges))
        below = _rank(column, edges, (column[:, None] > edges).sum(dim=1))
        grid = (len(NORMAL_GRID) - 1) * ((above + below) / 2 - NORMAL_GRID[0]) / (NORMAL_GRID[-1] - NORMAL_GRID[0])
        grid = grid.clamp(0, len(NORMAL_GRID) - 1)
        lower = grid.floor().long().clamp(max=len(NORMAL_GRID) - 2)
        scores = cast(Tensor, self.normal_scores)
        return torch.lerp(scores[lower], scores[lower + 1], grid - lower)


def _edges(number: Number, block: Embedding) -> NDArray[np.float64]:
    """What the encoding compares values with."""
    if block.tabled:
        return (boundaries if block.encoding == "bucket" else knots)(number, block.buckets)
    return np.asarray(number.quantiles)


def _at_least(column: Tensor, edges: Tensor) -> Tensor:
    return (column[:, None] >= edges).sum(dim=1)


def _rank(column: Tensor, edges: Tensor, count: Tensor) -> Tensor:
    lower = (count - 1).clamp(0, len(edges) - 2)
    width = edges[lower + 1] - edges[lower]
    share = ((column - edges[lower]) / torch.where(width > 0, width, 1.0)).clamp(0.0, 1.0)
    rank = (lower + share) / (len(edges) - 1)
    return torch.where(count == len(edges), 1.0, rank)  # ties at the top have no next edge to lie towards


def write_onnx(folder: Path, model: LoadedModel) -> float:
    """``model.onnx`` and ``preprocessing.json``; returns the largest difference to the torch model on random rows."""
    runtime = _needed("onnxruntime")
    _needed("onnxscript")
    raw = RawModel(model).eval()
    names = [name_of(head) for head in model.architecture.heads]
    inputs = ["categories", "numbers", *(f"sequence{place}" for place in range(len(model.schema.sequences)))]
    rows = random_rows(model.schema, 8)
    batch = torch.export.Dim("batch", min=1)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / (MODEL + ".part")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter about itself
        for name in ("torch.onnx", "onnxscript", "onnx_ir"):
            logging.getLogger(name).setLevel(logging.ERROR)
        arguments = tuple(torch.tensor(array) for array in _arrays(rows, model.schema).values())
        sequences = tuple({0: batch} for _ in model.schema.sequences)
        shapes = ({0: batch}, {0: batch}, *([sequences] if sequences else []))
        torch.onnx.export(
            raw,
            arguments,
            part,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=inputs,
            output_names=[f"output{place}" for place in range(len(names))],
            external_data=False,
            verbose=False,
        )
    difference = _difference(runtime, part, model, names)
    if not difference <= TOLERANCE:
        part.unlink()
        raise ExportError(f"the ONNX model differs by {difference:.1e} from the torch model, more than {TOLERANCE:.0e}")
    part.replace(folder / MODEL)
    write_whole(folder / PREPROCESSING, json.dumps(preprocessing(model.schema, inputs, names), indent=1).encode())
    return difference


def preprocessing(schema: Schema, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
    """How raw columns become the file's inputs, in words that need no library."""
    return {
        "inputs": {
            "categories": "int64 (rows, columns); id = 1 + place of the value's text in levels, 0 if it is not there",
            "numbers": "float32 (rows, columns); raw values, NaN where missing; length(s) counts the items of s",
            **{
                f"sequence{place}": f"int64 (rows, {len(sequence.columns)}, {sequence.length}); of '{sequence.name}': "
                "0 = padding at the end, 1 = unseen, 2 + place in levels; the latest positions"
                for place, sequence in enumerate(schema.sequences)
            },
        },
        "categories": [{"column": column.name, "levels": list(column.levels)} for column in schema.categories],
        "numbers": [column.name for column in schema.numbers],
        "sequences": [
            [{"column": column.name, "levels": list(column.levels)} for column in sequence.columns]
            for sequence in schema.sequences
        ],
        "outputs": {f"output{place}": name for place, name in enumerate(outputs)},
        "classes": {task.name: list(task.classes) for task in schema.tasks if len(task.columns) > 1},
        "order": inputs,
    }


def random_rows(schema: Schema, count: int) -> Rows:
    """Rows as the schema's columns could be: every id, numbers over and beyond the range, missing ones too."""
    draw = np.random.default_rng(EXPORT_CHECK_SEED)
    numbers = np.empty((count, len(schema.numbers)), dtype=np.float32)
    for place, number in enumerate(schema.numbers):
        numbers[:, place] = draw.choice([*number.quantiles, number.quantiles[0] - 1, number.quantiles[-1] + 1], count)
        numbers[draw.random(count) < 0.1, place] = np.nan
    categories = [draw.integers(0, column.size, count) for column in schema.categories]
    sequences = {}
    for sequence in schema.sequences:
        filled = np.arange(sequence.length) < draw.integers(0, sequence.length + 1, count)[:, None]
        columns = [draw.integers(1, size, (count, sequence.length)) * filled for size in sequence.sizes]
        sequences[sequence.name] = np.stack(columns, axis=1).astype(np.int32)
    stacked = np.stack(categories, axis=1) if categories else np.empty((count, 0))
    labels = np.full((count, len(schema.tasks)), np.nan, dtype=np.float32)
    return Rows(stacked.astype(np.int32), numbers, sequences, labels)


def _arrays(rows: Rows, schema: Schema) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {"categories": rows.categories.astype(np.int64), "numbers": rows.numbers}
    for place, sequence in enumerate(schema.sequences):
        found[f"sequence{place}"] = rows.sequences[sequence.name].astype(np.int64)
    return found


def _difference(runtime: Any, path: Path, model: LoadedModel, names: list[str]) -> float:
    rows = random_rows(model.schema, ROWS_CHECKED)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    wanted = {entry.name for entry in session.get_inputs()}
    given = {name: array for name, array in _arrays(rows, model.schema).items() if name in wanted}
    found = session.run(None, given)
    right = predict(model.network, input_tensors(rows, model.schema, model.architecture), model.schema)
    tasks = [model.schema.task_of(name)[0] for name in names]
    return max(
        float((np.abs(values - right[name]) / _unit(right[name], task)).max())
        for values, name, task in zip(found, names, tasks, strict=True)
    )


def _unit(right: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """What differences are measured in: 1 for probabilities, the scale for numbers, large ones by themselves."""
    if task.rules.has_classes:
        return np.ones_like(right)
    return np.maximum(task.scale, np.abs(right - task.center))


def _needed(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ExportError(f"ONNX export needs {module}: pip install 'mtl_nas[onnx]'") from None
