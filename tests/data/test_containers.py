"""A table is read alike from every container that people keep tables in: schema, rows, and predictions of a model."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from column_strategies import COLUMNS
from containers import FILES, FRAMES, Column, numpy_frame, write_csv
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import mtl_nas as mn
from mtl_nas.data import read_table
from mtl_nas.data.pipeline.file_table import FileTable
from mtl_nas.errors import DataError

ROWS = 60
PARTS = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
OPTIONS = {"tasks": ["label"], "split": {"column": "part"}}
NOT_IN = {"Parquet by Spark": {"durations"}}  # Spark writes them as whole numbers


@st.composite
def tables(draw, kinds, columns=2):
    """Some columns of these kinds, beside a number, a label and a split that every table has."""
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=columns))
    table = {f"{kind} {index}": COLUMNS[kind](draw, ROWS) for index, kind in enumerate(chosen)}
    random = np.random.default_rng(draw(st.integers(0, 9)))
    plain, labels = random.normal(size=ROWS).tolist(), [0, 1] * (ROWS // 2)
    random.shuffle(labels[:40])
    table["plain"] = Column(pa.array(plain), list(map(repr, plain)))
    table["label"] = Column(pa.array(labels), list(map(str, labels)))
    table["part"] = Column(pa.array(PARTS), list(PARTS))
    return table


def containers(table, folder):
    """The table by the name of each container, that holds all kinds of its columns."""
    for name, (file, write) in FILES.items():
        if not any(kind in column for kind in NOT_IN.get(name, ()) for column in table):
            yield name, write(table, folder / file)
    for name, frame in FRAMES.items():
        yield name, frame(table)


def outcome(load, *arguments):
    """The schema and the fingerprint, or the error, which names no container."""
    try:
        data = load(*arguments, **OPTIONS)
    except DataError as problem:
        return str(problem), ""
    return data.schema.model_dump_json(), data.fingerprint


def assert_alike(table, folder):
    names_of = defaultdict(list)
    for name, source in containers(table, folder):
        names_of[outcome(mn.load_dataset, source)].append(name)
        if name in ("CSV", "Parquet by Arrow"):
            names_of[outcome(mn.encode_table, source, folder / f"encoded {name}")].append(f"encoded {name}")
    assert len(names_of) == 1, dict(names_of)


@settings(max_examples=max(2, settings().max_examples // 4))
@given(table=tables(list(COLUMNS), columns=6))
def test_every_container_gives_the_same_schema_and_rows(tmp_path_factory, table):
    assert_alike(table, tmp_path_factory.mktemp("containers"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", COLUMNS)
@settings(max_examples=max(2, settings().max_examples // 12))
@given(data=st.data())
def test_every_container_gives_the_same_schema_and_rows_for_a_kind_of_column(tmp_path_factory, kind, data):
    assert_alike(data.draw(tables([kind])), tmp_path_factory.mktemp("containers"))


def untrained_model(data):
    return mn.Model(mn.build(mn.compose(mn.preset("mmoe", data.schema), data.schema)), data.schema)


@settings(max_examples=max(2, settings().max_examples // 4))
@given(table=tables(list(COLUMNS), columns=6))
def test_a_model_of_one_container_scores_every_other_alike(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("containers")
    data, _ = loaded(write_csv(table, folder / "train.csv"))
    assume(data is not None)
    model = untrained_model(data)
    expected = model.predict(numpy_frame(table)).to_numpy()
    for name, source in containers(table, folder):
        rows = read_table(source) if isinstance(source, Path) else source
        np.testing.assert_array_equal(model.predict(rows).to_numpy(), expected, err_msg=name)


@settings(max_examples=max(2, settings().max_examples // 4))
@given(table=tables(list(COLUMNS), columns=6), cells=st.integers(1, 300))
def test_where_a_file_is_cut_into_batches_changes_nothing(tmp_path_factory, table, cells):
    folder = tmp_path_factory.mktemp("batches")
    for file, write in (FILES["CSV"], FILES["Parquet by Arrow"]):
        path = write(table, folder / file)
        whole, message = loaded(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(FileTable.__init__.__kwdefaults__, "cells", cells)
            if whole is None:
                with pytest.raises(DataError, match=re.escape(message)):
                    mn.encode_table(path, folder / f"encoded {file}", **OPTIONS)
                continue
            encoded = mn.encode_table(path, folder / f"encoded {file}", **OPTIONS)
        assert (encoded.schema, encoded.fingerprint) == (whole.schema, whole.fingerprint)
        assert encoded.notes == whole.notes


def loaded(source):
    """The data set, or None and the error."""
    try:
        return mn.load_dataset(source, **OPTIONS), ""
    except DataError as problem:
        return None, str(problem)


@settings(max_examples=max(2, settings().max_examples // 4))
@given(table=tables(list(COLUMNS), columns=4), seed=st.integers(0, 9))
def test_the_order_of_the_rows_changes_no_level_and_no_score(table, seed):
    order = np.random.default_rng(seed).permutation(ROWS)
    frame = numpy_frame(table)
    data, _ = loaded(frame)
    assume(data is not None)
    shuffled = mn.load_dataset(frame.iloc[order].reset_index(drop=True), **OPTIONS)
    assert shuffled.schema.categories == data.schema.categories
    for number, same in zip(shuffled.schema.numbers, data.schema.numbers, strict=True):
        assert (number.name, number.quantiles, number.missing, number.origin, number.time) == (
            (same.name, same.quantiles, same.missing, same.origin, same.time)
        )
        assert number.mean == pytest.approx(same.mean, rel=1e-9, abs=1e-9 * same.deviation)
    scores, same_scores = untrained_model(shuffled).predict(frame), untrained_model(data).predict(frame)
    np.testing.assert_allclose(scores, same_scores, rtol=1e-4)
