"""Several models whose predictions are averaged, as one folder: a model folder each, and their shares."""

import json
from collections.abc import Mapping
from functools import reduce
from pathlib import Path

import pandas as pd

from mtl_nas.data import Schema
from mtl_nas.errors import ExportError
from mtl_nas.exports.model_folder import README, LoadedModel, load_model, write_model
from mtl_nas.model import Network
from mtl_nas.record.folder import write_whole
from mtl_nas.values import read_tree

SHARES = "ensemble.json"


class LoadedEnsemble:
    """Models and their shares, which sum to 1."""

    def __init__(self, members: Mapping[str, tuple[float, LoadedModel]]) -> None:
        self.members = dict(members)

    @property
    def schema(self) -> Schema:
        """Of every member."""
        return next(iter(self.members.values()))[1].schema

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The mean of the members' predictions by their shares; columns and errors as those of a model."""
        parts = [model.predict(frame) * share for share, model in self.members.values()]
        return reduce(pd.DataFrame.add, parts)


def write_ensemble(folder: Path, members: Mapping[str, tuple[float, Network]], schema: Schema) -> None:
    """A model folder for each member, the shares, and last a README."""
    shares = {}
    for place, (name, (share, network)) in enumerate(members.items()):
        write_model(folder / f"model{place}", network, schema, about=f"{name}: {share:.0%} of an ensemble.")
        shares[f"model{place}"] = {"share": share, "is": name}
    write_whole(folder / SHARES, json.dumps(shares, indent=1, ensure_ascii=False).encode())
    write_whole(folder / README, _readme(shares).encode())


def load_ensemble(folder: str | Path) -> LoadedEnsemble:
    """The ensemble in a folder; an ExportError names what is wrong."""
    path = Path(folder)
    if not is_ensemble(path):
        raise ExportError(f"'{path}' is no ensemble: it has no {SHARES}; a search with --ensemble writes one")
    shares = read_tree(path / SHARES, ExportError)
    return LoadedEnsemble({name: (float(one["share"]), load_model(path / name)) for name, one in shares.items()})


def is_ensemble(folder: str | Path) -> bool:
    """An ensemble was written there."""
    return (Path(folder) / SHARES).exists()


def _readme(shares: Mapping[str, Mapping[str, object]]) -> str:
    lines = [f"- `{name}`: {one['is']}, share {one['share']:.2f}" for name, one in shares.items()]
    return "\n".join(
        (
            "# An ensemble of multi-task models",
            "",
            "Predictions are the mean of these models', by their shares:",
            "",
            *lines,
            "",
            "```python",
            "import mtl_nas as mn",
            "",
            'model = mn.load_ensemble(".")       # this folder',
            "scores = model.predict(frame)       # a pandas DataFrame with the columns that each model's README names",
            "```",
            "",
            "or `mtl-search predict . rows.parquet --to scores.parquet`.",
            "",
        )
    )
