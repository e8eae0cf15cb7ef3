"""Encoded folders: the same rows as in memory, read where they lie, whole or not there at all."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from slowly import slow

import mtl_nas as mn
from mtl_nas.data import load_dataset
from mtl_nas.data.dataset import fingerprint
from mtl_nas.data.pipeline import accumulators, file_table
from mtl_nas.data.storage.encoded_folder import is_encoded
from mtl_nas.design import Proposal
from mtl_nas.errors import DataError
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job

TASKS = {"click": None, "buy": {"after": "click"}, "price": {"loss": "ziln", "where": "buy"}, "stars": None}
SPLITS = ("train", "validation", "tuning", "choosing", "test")


def table(rows: int = 1200) -> pd.DataFrame:
    random = np.random.RandomState(0)
    click = random.randint(0, 2, rows)
    return pd.DataFrame(
        {
            "color": random.choice(["red", "green", None], rows),
            "same": 1,
            "size": np.where(random.uniform(size=rows) < 0.1, np.nan, random.standard_normal(rows)),
            "level": random.randint(0, 300, rows),
            "seen": [random.randint(0, 9, random.randint(0, 6)).tolist() for _ in range(rows)],
            "day": random.randint(0, 100, rows),
            "user": random.randint(0, 200, rows),
            "part": random.choice(["train", "validation", "test"], rows, p=[0.6, 0.2, 0.2]),
            "pull": random.uniform(1, 2, rows),
            "shop": random.choice(["A", "B"], rows),
            "click": click,
            "buy": np.where(random.uniform(size=rows) < 0.2, np.nan, click * random.randint(0, 2, rows)),
            "price": np.where(random.uniform(size=rows) < 0.3, np.nan, random.lognormal(size=rows)),
            "stars": random.choice(["a", "b", "c"], rows),
        }
    )


FRAME = table()


@pytest.fixture
def parquet(tmp_path):
    """A folder of two files."""
    folder = tmp_path / "rows"
    folder.mkdir()
    FRAME[:500].to_parquet(folder / "a.parquet", row_group_size=130)
    FRAME[500:].to_parquet(folder / "b.parquet")
    return folder


def assert_same(one: mn.Dataset, other: mn.Dataset) -> None:
    assert one.schema == other.schema
    assert one.notes == other.notes
    assert one.fingerprint == other.fingerprint
    for split in SPLITS:
        pairs = zip(one.rows(split).arrays(), other.rows(split).arrays(), strict=True)
        assert all(a == b and np.array_equal(left, right, equal_nan=True) for (a, left), (b, right) in pairs)


WAYS = {
    "column": {"split": {"column": "part"}},
    "random": {},
    "time": {"split": {"time": "day"}, "weight": "pull"},
    "user": {"split": {"group": "user"}, "columns": {"level": "category"}},
    "groups": {"group": "shop"},
    "history": {"sequences": {"history": {"items": "seen", "length": 3}}, "violations": "drop"},
}


@pytest.mark.parametrize("way", ["column", "time", *map(slow, ("random", "user", "groups", "history"))])
def test_rows_are_those_of_the_table_in_memory(parquet, tmp_path, way):
    in_memory = load_dataset(parquet, TASKS, **WAYS[way])
    encoded = mn.encode_table(parquet, tmp_path / "encoded", TASKS, **WAYS[way])
    assert_same(encoded, in_memory)
    assert fingerprint(encoded.schema, encoded.encoded, encoded.tuning) == in_memory.fingerprint
    assert_same(load_dataset(tmp_path / "encoded"), in_memory)
    assert all(encoded.rows(split).stored for split in SPLITS)
    assert not in_memory.rows("train").stored


@pytest.mark.parametrize("enough", [10**6, 300])
def test_nothing_depends_on_where_batches_are_cut(parquet, tmp_path, monkeypatch, enough):
    monkeypatch.setattr(file_table, "QUANTILE_ROWS", enough)
    monkeypatch.setattr(accumulators, "SUMMED_ROWS", 64)
    folders = []
    for cells in (300, 2**23):
        monkeypatch.setitem(file_table.FileTable.__init__.__kwdefaults__, "cells", cells)
        folders.append(mn.encode_table(parquet, tmp_path / str(cells), TASKS))
    assert_same(*folders)


def test_of_many_rows_moments_are_exact_and_quantiles_of_a_sample(parquet, tmp_path, monkeypatch):
    by_name = {number.name: number for number in load_dataset(parquet, TASKS).schema.numbers}
    monkeypatch.setattr(file_table, "QUANTILE_ROWS", 500)
    data = mn.encode_table(parquet, tmp_path / "encoded", TASKS)
    assert "quantiles are those of 500 of the 960 train rows" in data.notes
    for number in data.schema.numbers:
        same = by_name[number.name]
        assert (number.mean, number.deviation) == pytest.approx((same.mean, same.deviation), rel=1e-9)
        assert number.missing == same.missing
        assert (number.quantiles[0], number.quantiles[-1]) == (same.quantiles[0], same.quantiles[-1])
        assert number.quantiles[128] == pytest.approx(same.quantiles[128], abs=0.6 * number.deviation)
    price, same = data.schema.task("price"), load_dataset(parquet, TASKS).schema.task("price")
    assert price.scale == pytest.approx(same.scale, rel=1e-9)


def test_text_tables_are_read_in_batches_too(tmp_path, monkeypatch):
    FRAME.drop(columns="seen").to_csv(tmp_path / "t.csv.gz", index=False)
    monkeypatch.setitem(file_table.FileTable.__init__.__kwdefaults__, "cells", 2000)
    assert_same(
        mn.encode_table(tmp_path / "t.csv.gz", tmp_path / "e", TASKS), load_dataset(tmp_path / "t.csv.gz", TASKS)
    )


def test_a_file_of_test_rows_comes_below(tmp_path):
    FRAME.to_parquet(tmp_path / "t.parquet")
    FRAME[::5].drop(columns="day").assign(more=1).to_csv(tmp_path / "later.csv", index=False)
    how = {"split": {"test": str(tmp_path / "later.csv")}, "ignore": ["seen", "day"]}
    data = mn.encode_table(tmp_path / "t.parquet", tmp_path / "e", TASKS, **how)
    assert_same(data, load_dataset(tmp_path / "t.parquet", TASKS, **how))
    assert len(data.rows("test")) == 240


def test_ids_are_as_narrow_as_the_largest_vocabulary_allows(parquet, tmp_path):
    narrow = mn.encode_table(parquet, tmp_path / "a", TASKS)
    wide = mn.encode_table(parquet, tmp_path / "b", TASKS, columns={"level": "category"})
    assert narrow.rows("train").categories.dtype == np.uint8
    assert wide.rows("train").categories.dtype == np.uint16


def test_stored_rows_are_pickled_by_their_places(parquet, tmp_path):
    data = mn.encode_table(parquet, tmp_path / "encoded", TASKS, weight="pull")
    rows = data.rows("choosing").take(slice(3, 40))
    content = pickle.dumps(rows)
    assert str(tmp_path / "encoded/validation/labels.npy").encode() in content
    assert len(content) < len(pickle.dumps(rows.take(np.arange(37))))
    again = pickle.loads(content)
    assert again.stored
    assert np.array_equal(again.labels, rows.labels, equal_nan=True)
    assert np.array_equal(again.sequences["seen"], rows.sequences["seen"])
    assert np.array_equal(again.weights, rows.weights)
    copied = rows.take(np.arange(5))
    assert not copied.stored
    assert np.array_equal(pickle.loads(pickle.dumps(copied)).labels, copied.labels, equal_nan=True)


def test_a_data_set_travels_as_a_path_and_says_where_it_is_not(parquet, tmp_path):
    data = mn.encode_table(parquet, tmp_path / "encoded", TASKS)
    content = pickle.dumps(data.for_search())
    seen = pickle.loads(content)
    assert seen.fingerprint == data.fingerprint
    assert seen.rows("tuning").stored
    with pytest.raises(DataError, match="the test split is opened once"):
        seen.rows("test")
    rows = pickle.dumps(data.rows("train"))
    (tmp_path / "encoded").rename(tmp_path / "elsewhere")
    for carried in (lambda: pickle.loads(content).rows("train"), lambda: pickle.loads(rows)):
        with pytest.raises(DataError, match=r"no file '.*encoded/.*' on .*; an encoded folder is read where it lies: "):
            carried()


def test_a_worker_without_the_folder_answers_with_the_reason(parquet, tmp_path):
    data = mn.encode_table(parquet, tmp_path / "encoded", TASKS).for_search()
    proposal = Proposal(design=mn.preset("shared_bottom", data.schema), training=mn.Training(epochs=1))
    job = Job(number=0, kind="finalist", rung=0, share=1.0, seed=0, proposal=proposal)
    assert work([job], data, get={}.get, put={}.__setitem__)[0].failure is None
    (tmp_path / "encoded").rename(tmp_path / "elsewhere")
    (answer,) = work([job], data, get={}.get, put={}.__setitem__)
    assert answer.failure == "machine", "no fault of the trial"
    assert answer.reason.startswith(f"no file '{tmp_path}/encoded/dataset.json' on ")


def test_a_folder_keeps_what_it_was_encoded_with(parquet, tmp_path):
    data = mn.encode_table(parquet, tmp_path / "e", TASKS, ignore=["day"])
    assert load_dataset(data.declaration).fingerprint == data.fingerprint
    assert load_dataset(tmp_path / "e", TASKS, ignore=["day"]).fingerprint == data.fingerprint
    assert load_dataset(tmp_path / "e", list(TASKS)).fingerprint == data.fingerprint
    for other in ({"tasks": ["click"]}, {"ignore": ["size"]}, {"split": {"time": "day"}}, {"violations": "drop"}):
        with pytest.raises(DataError, match=r"is encoded and keeps its .*: encode the table again to change that"):
            load_dataset(tmp_path / "e", **other)
    with pytest.raises(DataError, match="holds encoded rows only; raw ones are in the table it was made of"):
        data.frame("train")


def test_a_kill_leaves_no_folder_that_loads(tmp_path):
    pd.concat([FRAME.drop(columns="seen")] * 20).to_parquet(tmp_path / "t.parquet", row_group_size=500)
    code = (
        "import mtl_nas as mn\nfrom mtl_nas.data.pipeline import file_table\n"
        "file_table.FileTable.__init__.__kwdefaults__['cells'] = 1000\n"
        f"mn.encode_table({str(tmp_path / 't.parquet')!r}, {str(tmp_path / 'e')!r}, {TASKS!r})"
    )
    begun = tmp_path / "e.part/train/labels.npy"
    with subprocess.Popen([sys.executable, "-c", code]) as running:
        while not begun.exists() and running.poll() is None:
            time.sleep(0.02)
        assert running.poll() is None
        os.kill(running.pid, signal.SIGKILL)
    assert not is_encoded(tmp_path / "e")
    with pytest.raises(DataError, match="no data set '"):
        load_dataset(tmp_path / "e")
    data = mn.encode_table(tmp_path / "t.parquet", tmp_path / "e", TASKS)  # and the next one goes through
    assert len(data.rows("train")) == 19_200
    assert not begun.exists()


def test_a_file_that_is_cut_short_is_named(parquet, tmp_path):
    data = mn.encode_table(parquet, tmp_path / "e", TASKS)
    path = tmp_path / "e/train/labels.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"labels.npy' cannot be mapped: .*; encode the table again"):
        data.rows("train")
    tree = json.loads((tmp_path / "e/dataset.json").read_text())
    (tmp_path / "e/dataset.json").write_text(json.dumps(tree | {"fingerprint": "0"}))
    with pytest.raises(DataError, match="holds other data than before"):
        data.rows("tuning")


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Encode a table that cannot be; the line that says why, where nothing is left behind."""
    monkeypatch.setitem(file_table.FileTable.__init__.__kwdefaults__, "cells", 1000)

    def encode(frame: pd.DataFrame, tasks=TASKS, **how) -> str:
        frame.to_parquet(tmp_path / "wrong.parquet")
        with pytest.raises(DataError) as problem:
            mn.encode_table(tmp_path / "wrong.parquet", tmp_path / "e", tasks, **how)
        assert [path.name for path in tmp_path.iterdir()] == ["wrong.parquet"]
        return str(problem.value)

    return encode


def late(column: str, value: object) -> pd.DataFrame:
    """The table with another value in row 901."""
    values = FRAME[column].astype(object)
    values[900] = value
    return FRAME.assign(**{column: values.astype(str) if isinstance(value, str) else values})


def test_what_is_wrong_far_below_is_said_as_of_a_table_in_memory(refused):
    cases = [
        (late("size", "big"), "column 'size' is a number, but row 901 holds 'big'", {"columns": {"size": "number"}}),
        (late("pull", 0.0), "column 'pull' weighs the rows, but is 0.0 in row 901; ", {"weight": "pull"}),
        (late("stars", "late"), None, {}),
        (FRAME.assign(leak=FRAME["click"] * 2.5), "column 'leak' gives away the label of task 'click'", {}),
        (FRAME.assign(buy=1 - FRAME["click"]), "task 'buy' is 1 where 'click' is 0 in", {}),
        (FRAME.assign(click=1), "task 'click' has one class: every label is '1'", {}),
    ]
    for frame, words, how in cases:
        if words is not None:
            message = refused(frame, **how)
            assert message.startswith(words)
            with pytest.raises(DataError) as problem:
                load_dataset(frame, TASKS, **how)
            assert str(problem.value) == message


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_kinds_are_inferred_from_all_rows(tmp_path, monkeypatch, suffix):
    monkeypatch.setitem(file_table.FileTable.__init__.__kwdefaults__, "cells", 1000)
    row = np.arange(len(FRAME))
    frame = FRAME.drop(columns="seen").assign(
        grown=np.where(row < 300, row % 3, row),
        blank=np.where(row < 300, np.nan, row),
        code=np.where(row < 900, (row % 2).astype(str), np.where(row % 2, "0000", "word")),
    )
    path = tmp_path / f"t.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    data = mn.encode_table(path, tmp_path / "e", TASKS)
    kinds = data.declaration.data.columns
    assert (kinds["grown"], kinds["blank"], kinds["code"]) == ("number", "number", "category")
    levels = next(column.levels for column in data.schema.categories if column.name == "code")
    assert levels == ("0", "0000", "1", "word")
    assert_same(data, load_dataset(path, TASKS))


def test_labels_are_inferred_from_all_rows(tmp_path):
    rare = np.where(np.arange(len(FRAME)) < 150, 0, FRAME["click"])
    FRAME.assign(click=rare, buy=rare).to_parquet(tmp_path / "t.parquet")
    assert mn.encode_table(tmp_path / "t.parquet", tmp_path / "e", ["click"], ignore=["buy"]).schema.task(
        "click"
    ).classes == (
        "0",
        "1",
    )


def test_wrong_sources_and_places_are_one_line(parquet, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep me")
    mn.encode_table(parquet, tmp_path / "e", TASKS)
    for source, to, words in [
        ("synthetic-funnel", "x", "'synthetic-funnel' is no table on disk; it is loaded as it is"),
        (tmp_path / "none.parquet", "x", "no table '"),
        (parquet, full, "' is there already; give another folder"),
        (tmp_path / "e", "x", "' is encoded already"),
        (full, "x", "holds no Parquet file"),
    ]:
        with pytest.raises(DataError, match=words):
            mn.encode_table(source, tmp_path / to if to == "x" else Path(to), TASKS)
    assert (full / "mine.txt").exists()
    with pytest.raises(DataError, match="no task is declared"):
        mn.encode_table(parquet, tmp_path / "x")
    assert not (tmp_path / "x").exists()
