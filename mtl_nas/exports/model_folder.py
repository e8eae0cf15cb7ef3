"""A model as a folder of plain files: JSON for structure and schema, safetensors for weights.

Loading a folder runs no code from it.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from mtl_nas.architecture import Architecture, refuse_mismatch
from mtl_nas.data import Schema, feature_columns
from mtl_nas.errors import ArchitectureError, ExportError
from mtl_nas.files import refuse_special_file, write_together
from mtl_nas.model import Network, build
from mtl_nas.record import layout
from mtl_nas.tree_files import read_tree
from mtl_nas.values import parse

ARCHITECTURE, WEIGHTS, SCHEMA, README = "architecture.json", "model.safetensors", "schema.json", "README.md"
DTYPES = (torch.float32, torch.float64)  # of weights
BELONGS = "belongs_to"  # the metadata of a weights file that names its architecture and schema


def write_model_folder(folder: Path, network: Network, schema: Schema, *, about: str = "") -> None:
    """Write the architecture, the weights, the schema and a README."""
    weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.weights().items()}
    contents = {
        WEIGHTS: save_tensors(weights, {BELONGS: _fingerprint(network.architecture, schema)}),
        ARCHITECTURE: network.architecture.model_dump_json(indent=1).encode(),
        SCHEMA: schema.model_dump_json(indent=1).encode(),
        README: readme(network.architecture, schema, about).encode(),
    }
    write_together(folder, contents)


def read_model_folder(path: Path) -> tuple[Network, Schema]:
    """Read a network and its schema, or raise an ExportError that names the wrong file."""
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
    _refuse_missing_weights(path / WEIGHTS, architecture)
    weights = read_weights(path / WEIGHTS)
    if _weights_belong_to(path / WEIGHTS) not in (None, _fingerprint(architecture, schema)):
        raise ExportError(
            f"{path / WEIGHTS} belongs to another {ARCHITECTURE} or {SCHEMA}, as after an export that was cut short; "
            "export the model again"
        )
    dtypes = {tensor.dtype for tensor in weights.values()}
    network = build(architecture, dtype=torch.float64 if torch.float64 in dtypes else torch.float32)
    network.set_weights(weights)
    return network, schema


def _fingerprint(architecture: Architecture, schema: Schema) -> str:
    """The fingerprint of an architecture and a schema, which the weights file names."""
    text = architecture.model_dump_json() + schema.model_dump_json()
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _weights_belong_to(path: Path) -> str | None:
    """The fingerprint that a weights file names; None in files of 0.1.0."""
    with _opened(path) as file:
        return (file.metadata() or {}).get(BELONGS)


def _instead(path: Path) -> str:
    """A hint at the model inside, if the path is a run folder."""
    return f"; the model of this run is in {path / layout.BEST}" if (path / layout.BEST / ARCHITECTURE).exists() else ""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights in a safetensors file; an ExportError if it is no such file, or a weight is no number."""
    with _opened(path) as file:
        weights: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, weight in weights.items():
        if weight.dtype not in DTYPES:
            raise ExportError(f"{path}: weight '{name}' is {_word(weight.dtype)}, expected float32 or float64")
        if not bool(torch.isfinite(weight).all()):
            raise ExportError(f"{path}: weight '{name}' holds NaN or infinity; take the file from a copy")
    return weights


def _refuse_missing_weights(path: Path, architecture: Architecture) -> None:
    """Raise an ExportError if the file holds fewer numbers than the network has, before memory is taken for it."""
    with _opened(path) as file:
        count = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    if architecture.parameters > count:
        raise ExportError(
            f"{path} holds {count:,} numbers, and {ARCHITECTURE} needs {architecture.parameters:,} weights; "
            "the files do not belong together"
        )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file, of which only its header is read yet; errors of reading it are ExportErrors."""
    try:
        refuse_special_file(path, ExportError)
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError) as problem:
        raise ExportError(f"{path}: cannot be read: {str(problem).splitlines()[0]:.200}") from None


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def load_architecture(path: str | Path) -> Architecture:
    """Read the graph of a model.

    Args:
        path: A JSON file, such as `architecture.json` of a model folder.

    Returns:
        The graph.

    Raises:
        ArchitectureError: The file is missing or is no valid graph; names the node that is wrong.

    Example:
        >>> import mtl_nas as mn
        >>> graph = mn.load_architecture("runs/first/best/architecture.json")  # doctest: +SKIP
    """
    tree = read_tree(Path(path), ArchitectureError)
    try:
        return Architecture.model_validate(tree)
    except ArchitectureError as problem:
        raise ArchitectureError(f"{path}: {problem}") from None
    except ValidationError:
        return parse(Architecture, tree, str(path), ArchitectureError)


def readme(architecture: Architecture, schema: Schema, about: str) -> str:
    """The README of a model folder: its content, and how to use it."""
    columns = feature_columns(schema)
    heads = [head.name for head in architecture.heads]
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
            *_meanings(architecture, schema),
            f"Columns read: {', '.join(columns)}.",
            "",
            "`architecture.json` is the graph, `model.safetensors` the weights by node, `schema.json` the columns with",
            "the statistics of the train rows: vocabularies, means, deviations, quantiles.",
            "",
        )
    )


def _meanings(architecture: Architecture, schema: Schema) -> tuple[str, ...]:
    """A Markdown list with the meaning of each task's prediction."""
    tasks = [task for task in schema.tasks if task.name in architecture.tasks]
    return (*(f"- `{task.name}`: {task.rules.meaning(task)}." for task in tasks), "")
