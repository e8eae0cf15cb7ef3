"""An ensemble as a folder: one model folder per network, and the networks' shares."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mtl_nas.data import Schema
from mtl_nas.errors import ExportError
from mtl_nas.exports.model_folder import README, read_model_folder, write_model_folder
from mtl_nas.files import write_whole
from mtl_nas.model import Network
from mtl_nas.values import read_tree

SHARES = "ensemble.json"


class Member(NamedTuple):
    """A network of an ensemble, and the weight of its predictions in the mean."""

    name: str
    share: float
    network: Network


def write_ensemble_folder(folder: Path, members: Sequence[Member], schema: Schema) -> None:
    """Write one model folder per member, the shares, and last the README, whose presence shows that all is written."""
    shares = {}
    for index, (name, share, network) in enumerate(members):
        write_model_folder(folder / f"model{index}", network, schema, about=f"{name}: {share:.0%} of an ensemble.")
        shares[f"model{index}"] = {"share": share, "is": name}
    write_whole(folder / SHARES, json.dumps(shares, indent=1, ensure_ascii=False).encode())
    write_whole(folder / README, _readme(shares).encode())


def read_ensemble_folder(path: Path) -> tuple[tuple[Member, ...], Schema]:
    """Read the members and their schema, or raise an ExportError that names the wrong file."""
    shares = read_tree(path / SHARES, ExportError)
    try:
        named = {folder: (str(member["is"]), float(member["share"])) for folder, member in shares.items()}
        first, *_ = models = {folder: read_model_folder(path / folder) for folder in named}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ExportError(f"{path / SHARES}: expected a name and a share per folder of a model") from None
    if any(schema != models[first][1] for _, schema in models.values()):
        raise ExportError(f"the members of '{path}' have other columns, as after a write that was cut; write it again")
    return tuple(Member(*named[folder], network) for folder, (network, _) in models.items()), models[first][1]


def is_ensemble(folder: Path) -> bool:
    """Return whether the folder holds an ensemble."""
    return (folder / SHARES).exists()


def _readme(shares: Mapping[str, Mapping[str, object]]) -> str:
    lines = [f"- `{folder}`: {member['is']}, share {member['share']:.2f}" for folder, member in shares.items()]
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
            'model = mn.load_model(".")          # this folder',
            "scores = model.predict(frame)       # a pandas DataFrame with the columns that each model's README names",
            "```",
            "",
            "or `mtl-search predict . rows.parquet --to scores.parquet`.",
            "",
        )
    )
