"""An ensemble as a folder: one model folder per network, and the networks' shares."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from mtl_nas.data import Schema
from mtl_nas.errors import ExportError
from mtl_nas.exports.model_folder import README, read_model_folder, write_model_folder
from mtl_nas.files import write_whole
from mtl_nas.model import Network
from mtl_nas.tree_files import read_tree
from mtl_nas.values import Value, parse

SHARES = "ensemble.json"
FOLDER = re.compile("model[0-9]{1,6}")  # no path that leads elsewhere
ROUNDING = 1e-6  # by which the sum of shares may differ from 1


class Member(NamedTuple):
    """A network of an ensemble, and the weight of its predictions in the mean."""

    name: str
    share: float
    network: Network


class _Share(Value):
    name: str = Field(alias="is")
    share: float = Field(gt=0, le=1)


def common_heads(members: Sequence[Member]) -> list[str]:
    """The heads that all members predict, in the order of the first one's; others have no mean."""
    heads = [[head.name for head in member.network.architecture.heads] for member in members]
    return [head for head in heads[0] if all(head in others for others in heads)]


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
    shares = _read_shares(path / SHARES)
    models = {folder: read_model_folder(path / folder) for folder in shares}
    first = next(iter(models))
    if any(schema != models[first][1] for _, schema in models.values()):
        raise ExportError(f"the members of '{path}' have other columns, as after a write that was cut; write it again")
    members = (Member(shares[folder].name, shares[folder].share, network) for folder, (network, _) in models.items())
    return tuple(members), models[first][1]


def _read_shares(path: Path) -> dict[str, _Share]:
    """The shares of the members by the names of their folders, which lie beside the file."""
    tree = read_tree(path, ExportError)
    if not isinstance(tree, dict) or not tree:
        raise ExportError(f"{path}: expected a name and a share per folder of a model")
    shares = {}
    for folder, member in tree.items():
        if not FOLDER.fullmatch(folder):
            raise ExportError(
                f"{path}: a model is in a folder model0, model1, ... beside this file, got {folder!r:.80}"
            )
        shares[folder] = parse(_Share, member, f"{path}: {folder}", ExportError)
    total = math.fsum(member.share for member in shares.values())
    if abs(total - 1) > ROUNDING:
        raise ExportError(f"{path}: the shares of the models sum to 1, got {total:g}")
    return shares


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
