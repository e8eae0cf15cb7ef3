"""Trees that are kept in a folder: what they predict for the test rows, so that they are trained once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as save_arrays

from mtl_nas.data import Dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.files import write_together
from mtl_nas.trees.boosted import LIBRARIES, BoostedTrees, best_trees, installed_libraries
from mtl_nas.values import Value, parse

FACTS, PREDICTIONS = "trees.json", "test.safetensors"
RECIPE = 1  # raised when trees are trained in another way, so that kept ones are trained anew


class KeptTrees(Value):
    """What ``trees.json`` holds: the fields of ``BoostedTrees`` but the predictions, and of which data they are."""

    format: Literal[1] = 1
    recipe: int
    fingerprint: str
    library: str
    version: str
    tried: dict[str, str]
    validation_score: float
    rounds: dict[str, int]
    seconds: float
    scores: dict[str, dict[str, float | None]]


def kept_or_trained(folder: Path, data: Dataset, *, threads: int = 1) -> BoostedTrees:
    """Read the trees of a folder, or train them and keep them there.

    They are trained anew if the data are others, or if a library was installed since.

    Args:
        folder: The folder of the trees, which need not exist.
        data: The data set, with its test rows.
        threads: Number of threads.

    Raises:
        MtlNasError: No library is installed, or a file of the folder cannot be read.
    """
    kept = read_kept(folder)
    if kept is not None and kept.recipe == RECIPE and kept.fingerprint == data.fingerprint and not _new(kept.tried):
        return _with_predictions(kept, folder)
    libraries = installed_libraries()
    folder.mkdir(parents=True, exist_ok=True)  # a folder that cannot be written is said before trees are trained
    trees = best_trees(data, libraries=libraries, threads=threads)
    keep(trees, folder, data)
    return trees


def keep(trees: BoostedTrees, folder: Path, data: Dataset) -> None:
    """Write trees into a folder."""
    facts: dict[str, Any] = {name: getattr(trees, name) for name in KeptTrees.model_fields if hasattr(trees, name)}
    kept = KeptTrees(recipe=RECIPE, fingerprint=data.fingerprint, **facts)
    text = json.dumps(kept.model_dump(mode="json"), indent=1) + "\n"
    contiguous = {name: np.ascontiguousarray(values) for name, values in trees.predictions.items()}
    write_together(folder, {PREDICTIONS: save_arrays(contiguous), FACTS: text.encode()})


def read_kept(folder: Path) -> KeptTrees | None:
    """Read what is known of the trees in a folder; None if there are none."""
    path = folder / FACTS
    if not path.exists():
        return None
    try:
        tree = json.loads(path.read_bytes())
    except ValueError as problem:
        raise _unreadable(path, problem) from None
    return parse(KeptTrees, tree, str(path), MtlNasError)


def _with_predictions(kept: KeptTrees, folder: Path) -> BoostedTrees:
    path = folder / PREDICTIONS
    try:
        predictions = {name: values.astype(np.float64) for name, values in load_file(path).items()}
    except (SafetensorError, OSError) as problem:
        raise _unreadable(path, problem) from None
    facts = {name: value for name, value in kept if name not in ("format", "recipe", "fingerprint")}
    return BoostedTrees(predictions=predictions, **facts)


def _unreadable(path: Path, problem: Exception) -> MtlNasError:
    return MtlNasError(f"'{path}' cannot be read: {problem}; remove '{path.parent}' to train the trees anew")


def _new(tried: Mapping[str, str]) -> bool:
    """Whether a library is installed that was not tried."""
    return any(library.version is not None and library.name not in tried for library in LIBRARIES)
