import pickle

import numpy as np
import pandas as pd
import pytest
import yaml

from mtl_nas.data import Split, load_dataset
from mtl_nas.errors import DataError


def table(rows=400, seed=0):
    random = np.random.RandomState(seed)
    click = random.randint(0, 2, rows)
    return pd.DataFrame(
        {
            "id": range(rows),
            "color": random.choice(["red", "green"], rows),
            "same": 1,
            "size": random.standard_normal(rows),
            "seen": [random.randint(0, 9, random.randint(0, 6)).tolist() for _ in range(rows)],
            "is_click": click,
            "buy": click * random.randint(0, 2, rows),
        }
    )


TREE = {
    "data": {"table": "t.parquet", "ignore": ["id"]},
    "tasks": {"click": {"column": "is_click"}, "buy": {"after": "click"}},
    "sequences": {"history": {"items": "seen", "length": 3}},
    "space": "everything",
    "search": {"trials": 3},
}


@pytest.fixture
def file(tmp_path):
    table().to_parquet(tmp_path / "t.parquet")
    path = tmp_path / "search.yaml"
    path.write_text(yaml.safe_dump(TREE, sort_keys=False))
    return path


def test_a_search_file_describes_a_data_set(file):
    data = load_dataset(file)
    assert data.name == "t"
    assert data.schema.task_names == ("click", "buy")
    assert data.schema.sequences[0].length == 3
    assert [number.name for number in data.schema.numbers] == ["size", "length(history)"]
    assert any("column 'same' is left out" in note for note in data.notes)
    assert list(data.frame("test")) == ["color", "size", "seen", "click", "buy"]


def test_keywords_win_over_the_file(file):
    data = load_dataset(file, {"click": {"column": "is_click"}}, ignore=["buy", "id", "color"])
    assert data.schema.task_names == ("click",)
    assert not data.schema.categories


def test_the_complete_declaration_loads_the_same_data(file, tmp_path):
    data = load_dataset(file)
    elsewhere = tmp_path / "elsewhere" / "search.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(yaml.safe_dump(data.declaration.tree(), sort_keys=False))
    again = load_dataset(elsewhere)
    assert again.fingerprint == data.fingerprint
    assert again.declaration == data.declaration


def test_a_frame_and_every_format_are_the_same_data(tmp_path):
    frame = table()
    tasks = {"click": {"column": "is_click"}, "buy": {"after": "click"}}
    expected = load_dataset(frame, tasks).fingerprint
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    assert load_dataset(tmp_path / "t.csv", tasks).fingerprint == expected
    assert load_dataset(str(tmp_path / "t.parquet"), tasks).fingerprint == expected
    assert load_dataset(frame.set_index("id", drop=False), tasks).fingerprint == expected
    assert load_dataset(frame.assign(size=frame["size"] + 1), tasks).fingerprint != expected


def test_a_file_of_its_own_may_test(tmp_path):
    table().drop(columns="seen").to_csv(tmp_path / "train.csv", index=False)
    table(60, seed=1).drop(columns="seen").to_csv(tmp_path / "held.csv", index=False)
    path = tmp_path / "s.yaml"
    tree = {
        "data": {"table": "train.csv", "split": {"test": "held.csv"}, "ignore": ["id"]},
        "tasks": {"is_click": None},
    }
    path.write_text(yaml.safe_dump(tree))
    data = load_dataset(path)
    assert len(data.rows("test")) == 60
    assert np.allclose(data.frame("test")["size"], table(60, seed=1)["size"])
    table(60).drop(columns=["seen", "color"]).to_csv(tmp_path / "held.csv", index=False)
    with pytest.raises(DataError, match="lacks the column 'color'"):
        load_dataset(path)


def test_validation_is_its_two_halves():
    data = load_dataset(table(), ["is_click"])
    halves = [data.rows("tuning"), data.rows("choosing")]
    assert len(halves[0]) == len(halves[1]) == 20
    assert np.array_equal(np.concatenate([half.labels for half in halves]), data.rows("validation").labels)
    assert data.frame("tuning").equals(data.frame("validation")[:20])


def test_a_split_may_be_given_as_a_value_or_as_a_mapping():
    fields = {"validation": 0.2, "test": 0.3}
    by_value = load_dataset(table(), ["is_click"], split=Split(**fields))
    assert by_value.fingerprint == load_dataset(table(), ["is_click"], split=fields).fingerprint
    assert [len(by_value.rows(split)) for split in ("train", "validation", "test")] == [200, 80, 120]


def test_a_search_cannot_see_the_test_rows():
    data = load_dataset(table(), ["is_click"])
    seen = pickle.loads(pickle.dumps(data.for_search()))
    assert seen.fingerprint == data.fingerprint
    assert np.array_equal(seen.rows("validation").labels, data.rows("validation").labels)
    with pytest.raises(DataError, match="the test split is opened once, by the final stage of a search"):
        seen.rows("test")
    with pytest.raises(DataError, match="raw rows stay"):
        seen.frame("train")


def test_nothing_is_fitted_on_other_rows_than_train():
    frame = table()
    data = load_dataset(frame, ["is_click"])
    changed = frame.copy()
    changed.loc[data.raw.parts["test"], ["size", "color"]] = [1e6, "blue"]
    assert load_dataset(changed, ["is_click"]).schema == data.schema


def test_wrong_sources_say_what_there_is(tmp_path):
    (tmp_path / "s.yaml").write_text("tasks: {a: {}}")
    (tmp_path / "list.yaml").write_text("- 1")
    (tmp_path / "extra.yaml").write_text("data: {table: t.csv}\ntaks: {}")
    for source, words in [
        ("censos-income", "no data set 'censos-income'; did you mean 'census-income'"),
        ("nothing.csv", "no table"),
        (tmp_path / "s.yaml", "'data.table' is missing"),
        (tmp_path / "list.yaml", "expected a mapping"),
        (tmp_path / "extra.yaml", "unknown key 'taks'; did you mean 'tasks'"),
        (tmp_path / "none.yaml", "no file"),
    ]:
        with pytest.raises(DataError, match=words):
            load_dataset(source)
    with pytest.raises(DataError, match="no task is declared"):
        load_dataset(table())
    with pytest.raises(DataError, match=r"no split 'tset': train, .*; did you mean 'test'"):
        load_dataset(table(), ["buy"]).rows("tset")


def test_names_of_any_script_are_fine():
    frame = table().rename(columns={"size": "größe.cm [x]", "is_click": "клик", "seen": "просмотры"})
    data = load_dataset(frame, ["клик"])
    assert "length(просмотры)" in [number.name for number in data.schema.numbers]


def test_the_labels_of_tasks_that_are_left_out_are_no_features(tmp_path):
    draw = np.random.default_rng(0)
    size = draw.standard_normal(400)
    frame = pd.DataFrame({"size": size, "click": (size + draw.standard_normal(400) > 0).astype(int)})
    frame["buy"] = (draw.uniform(size=400) < 0.5).astype(int)
    frame.to_csv(tmp_path / "shop.csv", index=False)
    file = tmp_path / "search.yaml"
    file.write_text("data: {table: shop.csv}\ntasks: {click: {kind: binary}, bought: {kind: binary, column: buy}}\n")
    schema = load_dataset(file, ["click"]).schema
    assert [column.name for column in (*schema.categories, *schema.numbers)] == ["size"]
