"""Reads models and ensembles from their folders."""

from pathlib import Path

from mtl_nas.errors import MtlNasError
from mtl_nas.exports.ensemble_folder import is_ensemble, read_ensemble_folder
from mtl_nas.exports.model import Model
from mtl_nas.exports.model_folder import ARCHITECTURE, README, read_model_folder
from mtl_nas.files import read_folder


def load_model(folder: str | Path) -> Model:
    """Read a model or an ensemble.

    Args:
        folder: A folder that a search (`best/`, `ensemble/`), `Model.save` or `export` wrote.

    Returns:
        The model, ready to predict.

    Raises:
        ExportError: The folder is no model, or one of its files is broken or of another model; names the file.

    Example:
        >>> import mtl_nas as mn
        >>> model = mn.load_model("runs/first/best")  # doctest: +SKIP
    """
    return read_folder(Path(folder), _read)


def is_whole(path: Path) -> bool:
    """Whether a folder holds a model or an ensemble that can be read, README and all; it is read to find out."""
    try:
        load_model(path)
    except MtlNasError:
        return False
    return (path / README).exists()


def _read(path: Path) -> Model:
    return Model(*read_ensemble_folder(path)) if is_ensemble(path) else Model(*read_model_folder(path))


def is_model_folder(path: Path) -> bool:
    """Return whether a folder holds a model or an ensemble."""
    return is_ensemble(path) or (path / ARCHITECTURE).exists()
