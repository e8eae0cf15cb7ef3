"""Each row of the examples in docs/reference/how-tables-are-read.md."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from page_blocks import ROOT

import mtl_nas as mn

PAGE = ROOT / "docs" / "reference" / "how-tables-are-read.md"
MISSING, OTHERS = "∅", "…"
TIMES = 20  # each value of an example stands in so many rows


def examples():
    lines = PAGE.read_text(encoding="utf-8").partition("<!-- examples")[2].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return rows[2:]


def values(cell):
    return re.findall(r"`([^`]*)`", cell)


def table(texts):
    rows = [None if text == MISSING else text for text in texts if text != OTHERS] * TIMES
    more = list(map(str, range(1_000, 1_030))) if OTHERS in texts else []
    parts = ["train"] * (len(rows) - 10 + len(more)) + ["validation"] * 6 + ["test"] * 4
    labels = np.random.default_rng(3).integers(0, 2, len(parts))
    labels[-10:] = [0, 1] * 5
    return pd.DataFrame({"x": [*more, *rows], "y": labels, "z": np.arange(len(parts)) ** 0.5, "part": parts})


def read(data):
    """The kind of x, and how each train row of it is read."""
    schema, rows = data.schema, data.rows("train")
    for index, category in enumerate(schema.categories):
        if category.name == "x":
            return "category", [category.levels[code - 1] for code in rows.categories[:, index]]
    if schema.sequences:
        history = schema.sequences[0]
        ids, lengths = rows.sequences["x"][:, 0], (rows.sequences["x"][:, 0] > 0).sum(axis=1)
        words = [
            [history.columns[0].levels[code - 2] or MISSING for code in row[:n]]
            for row, n in zip(ids, lengths, strict=True)
        ]
        return "sequence", [", ".join(row) or None for row in words]
    index = [number.name for number in schema.numbers].index("x")
    numbers = rows.numbers[:, index].astype(np.float64) + schema.numbers[index].origin
    return "number", [None if np.isnan(number) else f"{number:.10g}" for number in numbers]


@pytest.mark.parametrize("example", examples(), ids=lambda cells: f"{cells[0]} {cells[1]}".replace("`", ""))
def test_a_column_is_read_as_the_page_says(example, tmp_path):
    column, declared, kind, expected, note = example
    frame = table(values(column))
    frame.to_csv(tmp_path / "table.csv", index=False)
    options = yaml.safe_load(" ".join(values(declared))) or {}
    for source in (frame, tmp_path / "table.csv"):
        data = mn.load_dataset(source, ["y"], split={"column": "part"}, **options)
        read_kind, shown = read(data)
        first = len(frame) - TIMES * len(values(expected))
        assert read_kind == kind
        assert [MISSING if value is None else value for value in shown[first:][: len(values(expected))]] == values(
            expected
        )
        assert not note or any("'x'" in said and note in said for said in data.notes), data.notes
