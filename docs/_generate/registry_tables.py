"""What the registries hold: presets, search spaces, data sets, events of a record."""

import inspect
import re
from itertools import groupby
from pathlib import Path
from typing import Any

from markdown_tables import one_line, table

from mtl_nas.data.builtin.registry import BUILTINS
from mtl_nas.presets import descriptions
from mtl_nas.record import events as record_events
from mtl_nas.space import space_descriptions
from mtl_nas.study.samplers import SAMPLERS
from mtl_nas.values import Value

MODELS = Path(__file__).parents[1] / "reference" / "models.md"


def presets() -> str:
    """The presets in the order in which a search tries them."""
    headings = re.findall(r"^## (.*)$", MODELS.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {name: _anchor(heading) for heading in headings for name in re.findall(r"`(\w+)`", heading)}
    rows = (
        (f"[`{name}`](#{anchors[name]})", summary, paper, f"`{sizes}`", needs)
        for name, paper, summary, sizes, needs in descriptions()
    )
    return table(("preset", "what it is", "paper", "keywords and their defaults", "needs"), rows)


def spaces() -> str:
    """The built-in search spaces, each with the description in its file."""
    rows = ((f"`{name}`", one_line(text)) for name, text in space_descriptions().items())
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


def samplers() -> str:
    """The samplers that a search knows by name."""
    rows = [(f"`{name}`", entry.description) for name, entry in sorted(SAMPLERS.items()) if "." not in name]
    return table(("`sampler`", "proposes"), rows)


def events() -> str:
    """The kinds of event in the record of a run."""
    kinds = [kind for kind in vars(record_events).values() if isinstance(kind, type) and "event" in _fields(kind)]
    rows = []
    for kind in kinds:
        keys = ", ".join(f"`{name}`" for name in _fields(kind) if name != "event")
        rows.append((f"`{_fields(kind)['event'].default}`", keys, one_line(inspect.getdoc(kind) or "")))
    return table(("`event`", "keys", "meaning"), rows)


def _fields(kind: type) -> dict[str, Any]:
    return kind.model_fields if issubclass(kind, Value) else {}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
