"""Labels of every kind, a file of test rows and rows of a new task are read alike from every container."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from containers import FILES, FRAMES, Column, Table, numpy_frame, write_csv, write_parquet_by_arrow

import mtl_nas as mn
from mtl_nas.adaptation import load_new_task
from mtl_nas.data import raw_table, read_table

ROWS = 120
TASKS = {
    "flag": {},
    "answer": {},
    "plan": {},
    "stars": {"kind": "ordinal"},
    "visits": {"kind": "count"},
    "amount": {"kind": "regression"},
    "seen": {"kind": "regression"},
}
OPTIONS = {"tasks": TASKS, "split": {"column": "part"}}


def column(values: list[object], kind: pa.DataType | None = None, *, words: bool = False) -> Column:
    return Column(pa.array(values, kind), [None if value is None else str(value) for value in values], words)


@pytest.fixture(scope="module")
def table() -> Table:
    draw = np.random.default_rng(0)
    start = dt.datetime(2024, 3, 1, 12)
    cents = [None if draw.random() < 0.2 else Decimal(int(value)).scaleb(-2) for value in draw.integers(0, 9999, ROWS)]
    return {
        "code": column([f"{value:04d}" for value in draw.integers(0, 30, ROWS)], words=True),
        "size": column(draw.normal(size=ROWS).round(6).tolist()),
        "flag": column((draw.random(ROWS) < 0.4).tolist()),
        "answer": column(draw.choice(["no", "yes"], ROWS).tolist(), words=True),
        "plan": column([str(word) for word in draw.choice(["None", "NA", "Pro"], ROWS)], words=True),
        "stars": column([None if draw.random() < 0.1 else int(value) for value in draw.integers(1, 6, ROWS)]),
        "visits": column(draw.poisson(2, ROWS).tolist()),
        "amount": column(cents, pa.decimal128(10, 2)),
        "seen": column([start + dt.timedelta(seconds=int(value)) for value in draw.integers(0, 3600, ROWS)]),
        "part": column(["train"] * 80 + ["validation"] * 20 + ["test"] * 20, words=True),
    }


def containers(table: Table, folder: Path) -> dict[str, object]:
    files = {name: write(table, folder / file) for name, (file, write) in FILES.items()}
    return files | {name: frame(table) for name, frame in FRAMES.items()}


def test_labels_of_every_kind_are_the_same_in_every_container(table: Table, tmp_path: Path) -> None:
    names = defaultdict(list)
    for name, source in containers(table, tmp_path).items():
        data = mn.load_dataset(source, **OPTIONS)
        names[data.schema.model_dump_json(), data.fingerprint].append(name)
        kinds = {task.name: task.kind for task in data.schema.tasks}
        assert (kinds["flag"], kinds["answer"], kinds["plan"]) == ("binary", "binary", "multiclass"), name
        assert data.schema.task("plan").classes == ("NA", "None", "Pro"), name
        assert data.schema.task("seen").origin > 1.7e9, name
    encoded = mn.encode_table(tmp_path / FILES["CSV"][0], tmp_path / "encoded", **OPTIONS)
    names[encoded.schema.model_dump_json(), encoded.fingerprint].append("encoded")
    assert len(names) == 1, list(names.values())


def test_a_file_of_test_rows_may_be_in_another_container(table: Table, tmp_path: Path) -> None:
    rows = {name: Column(part.values[:100], part.fields[:100], part.words) for name, part in table.items()}
    test = {name: Column(part.values[100:], part.fields[100:], part.words) for name, part in table.items()}
    fingerprints = set()
    for write, write_test, suffixes in (
        (write_csv, write_csv, ("csv", "csv")),
        (write_csv, write_parquet_by_arrow, ("csv", "parquet")),
        (write_parquet_by_arrow, write_csv, ("parquet", "csv")),
    ):
        path, test_path = tmp_path / f"rows.{suffixes[0]}", tmp_path / f"test.{suffixes[1]}"
        write(rows, path)
        write_test(test, test_path)
        options = {"tasks": TASKS, "split": {"test": str(test_path)}, "ignore": ["part"]}
        fingerprints.add(mn.load_dataset(path, **options).fingerprint)
    assert len(fingerprints) == 1


def test_rows_of_a_new_task_are_encoded_alike_from_every_container(table: Table, tmp_path: Path) -> None:
    schema = mn.load_dataset(numpy_frame(table), ["flag"], ignore=[*list(TASKS)[1:], "part"]).schema
    tasks = [
        load_new_task(
            read_table(source) if isinstance(source, Path) else raw_table(source),
            schema,
            "amount",
            kind="regression",
            split=mn.Split(),
        )
        for source in containers(table, tmp_path).values()
    ]
    for other in tasks[1:]:
        assert other.schema == tasks[0].schema
        for (_, array), (_, same) in zip(other.train.arrays(), tasks[0].train.arrays(), strict=True):
            np.testing.assert_array_equal(array, same)
