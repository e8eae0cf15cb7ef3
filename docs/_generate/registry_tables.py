"""What the registries hold: presets, search spaces, data sets."""

from itertools import groupby
from pathlib import Path

import pandas as pd
import yaml
from markdown_tables import one_line, table

from mtl_nas import load_dataset
from mtl_nas.data.builtin.registry import BUILTINS
from mtl_nas.presets import compatible_presets, descriptions

SPACES = Path(__file__).parents[2] / "search_spaces"


def presets() -> str:
    """The presets in the order in which a search tries them."""
    frame = pd.DataFrame({"x": range(40), "a": [0, 1] * 20, "b": [0, 0, 1, 1] * 10})
    reasons = compatible_presets(load_dataset(frame, ["a", "b"]).schema).reasons
    rows = []
    for part in descriptions():
        reason = reasons.get(part.name, "").split(",", maxsplit=1)[0]
        needs = reason.removeprefix(f"{part.name} ").split(" ", maxsplit=1)[
            -1
        ]  # "aitm needs a funnel, and no task ..."
        rows.append((f"[`{part.name}`](models.md#{part.name})", part.paper, part.summary, needs, f"`{part.sizes}`"))
    return table(("preset", "paper", "what it is", "needs", "keywords and their defaults"), rows)


def spaces() -> str:
    """The built-in search spaces, each by what its file says of it."""
    files = sorted(SPACES.glob("*.yaml"))
    rows = ((f"`{file.stem}`", one_line(yaml.safe_load(file.read_text("utf-8"))["about"])) for file in files)
    return table(("space", "about"), rows)


def data_sets() -> str:
    """The built-in data sets and their tasks."""
    rows = []
    for name, data_set in BUILTINS.items():
        tasks = [
            (task, f"{part.kind}{f', after {part.after}' if part.after else ''}")
            for task, part in data_set.declaration.tasks.items()
        ]
        kinds = [(kind, [task for task, _ in group]) for kind, group in groupby(tasks, key=lambda pair: pair[1])]
        words = [
            f"{', '.join(names) if len(names) < 4 else f'{names[0]} to {names[-1]}'} ({kind})" for kind, names in kinds
        ]
        rows.append((f"`{name}`", "; ".join(words)))
    return table(("data set", "tasks"), rows)
