"""A model as a folder of plain files: JSON for structure and schema, safetensors for weights. Loading runs nothing."""

from pathlib import Path

import pandas as pd
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from mtl_nas.architecture import Architecture
from mtl_nas.architecture.schema_check import refuse_mismatch
from mtl_nas.data import Schema, encode
from mtl_nas.data.columns.encoding import feature_columns
from mtl_nas.errors import ArchitectureError, ExportError
from mtl_nas.model import Network, build
from mtl_nas.model.features import input_tensors
from mtl_nas.model.prediction import name_of, predict
from mtl_nas.record.folder import write_whole
from mtl_nas.values import parse, read_tree

ARCHITECTURE, WEIGHTS, SCHEMA, README = "architecture.json", "model.safetensors", "schema.json", "README.md"


class LoadedModel:
    """A trained network and the schema that encodes rows for it."""

    def __init__(self, network: Network, schema: Schema) -> None:
        self.network, self.schema = network.eval(), schema

    @property
    def architecture(self) -> Architecture:
        """The graph of the network."""
        return self.network.architecture

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A row for each row of the frame, under its index.

        ``click`` is a probability, ``buy|click`` a conditional one, ``stars=1`` that of a class; a regression or count
        task is a number. Unseen categories and missing values are no error; a missing column is a DataError.
        """
        inputs = input_tensors(encode(frame, self.schema, labels=False), self.schema, self.architecture)
        found = predict(self.network, inputs, self.schema)
        columns = {}
        for head, values in found.items():
            if values.ndim == 1:
                columns[head] = values
            else:
                columns.update(dict(zip(self.schema.task(head).columns, values.T, strict=True)))
        return pd.DataFrame(columns, index=frame.index)


def write_model(folder: Path, network: Network, schema: Schema, *, about: str = "") -> None:
    """Architecture, weights, schema and a README into the folder."""
    weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.weights().items()}
    write_whole(folder / WEIGHTS, save_tensors(weights))
    write_whole(folder / ARCHITECTURE, network.architecture.model_dump_json(indent=1).encode())
    write_whole(folder / SCHEMA, schema.model_dump_json(indent=1).encode())
    write_whole(folder / README, readme(network.architecture, schema, about).encode())


def load_model(folder: str | Path) -> LoadedModel:
    """The model in a folder that ``export`` or a search wrote; an ExportError names the file that is wrong."""
    path = Path(folder)
    if not path.is_dir():
        raise ExportError(f"no model folder '{path}'")
    for name in (ARCHITECTURE, WEIGHTS, SCHEMA):
        if not (path / name).exists():
            raise ExportError(f"'{path}' is no model folder: it has no {name}{_instead(path)}")
    architecture = load_architecture(path / ARCHITECTURE)
    schema = parse(Schema, read_tree(path / SCHEMA, ExportError), str(path / SCHEMA), ExportError)
    try:
        refuse_mismatch(architecture, schema)
    except ArchitectureError as problem:
        raise ExportError(f"{path / ARCHITECTURE} and {SCHEMA} do not belong together: {problem}") from None
    weights = read_weights(path / WEIGHTS)
    dtypes = {tensor.dtype for tensor in weights.values()}
    network = build(architecture, dtype=torch.float64 if torch.float64 in dtypes else torch.float32)
    network.set_weights(weights)
    return LoadedModel(network, schema)


def _instead(path: Path) -> str:
    if (path / "best" / ARCHITECTURE).exists():
        return f"; the model of this run is in {path / 'best'}"
    if (path / "model0" / ARCHITECTURE).exists():
        return f"; it is an ensemble: mn.load_ensemble reads it, and {path / 'model0'} is one of its models"
    return ""


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a file; an ExportError if it is broken."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise ExportError(f"{path}: cannot be read: {problem}") from None


def load_architecture(path: str | Path) -> Architecture:
    """The graph in a JSON file; an ArchitectureError names the node that is wrong."""
    tree = read_tree(Path(path), ArchitectureError)
    try:
        return Architecture.model_validate(tree)
    except ArchitectureError as problem:
        raise ArchitectureError(f"{path}: {problem}") from None
    except ValidationError:
        return parse(Architecture, tree, str(path), ArchitectureError)


def readme(architecture: Architecture, schema: Schema, about: str) -> str:
    """What the folder is and how to use it, for whoever finds it."""
    columns = feature_columns(schema)
    heads = [name_of(head) for head in architecture.heads]
    return "\n".join(
        (
            "# A multi-task model",
            "",
            *((about, "") if about else ()),
            f"Predicts: {', '.join(heads)}. Parameters: {architecture.parameters:,}. Key: `{architecture.key}`.",
            "",
            "```python",
            "import mtl_nas as mn",
            "",
            'model = mn.load_model(".")          # this folder',
            "scores = model.predict(frame)       # a pandas DataFrame with the columns below",
            "```",
            "",
            "or `mtl-search predict . rows.parquet --to scores.parquet`.",
            "",
            f"Columns read: {', '.join(columns)}.",
            "",
            "`architecture.json` is the graph, `model.safetensors` the weights by node, `schema.json` the columns with",
            "everything that was fitted on train rows: vocabularies, moments, quantiles.",
            "",
        )
    )
