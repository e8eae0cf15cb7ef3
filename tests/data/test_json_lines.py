import json

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from mtl_nas.data import read_table
from mtl_nas.data.files import json_file
from mtl_nas.data.files.formats import open_table
from mtl_nas.errors import DataError


def table_of(folder, *lines):
    path = folder / "t.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return read_table(path).to_arrow()


@pytest.mark.parametrize("block", [2**24, 40])
def test_types_are_kept_and_absent_fields_are_missing(tmp_path, monkeypatch, block):
    monkeypatch.setattr(json_file, "BLOCK", block)
    rows = [
        {"id": 2**53 + 1, "text": "2024-01-01", "flag": True, "list": [1, None]},
        {"id": 2**53 + 2, "number": 1, "list": [], "text": "0042"},
        {},
        {"number": 2.5, "list": [3], "nested": {"a": [1]}, "texts": ["2024-01-01", None]},
    ]
    table = table_of(tmp_path, *rows)
    absent = {"list": [], "texts": []}  # of a list
    names = ("id", "text", "flag", "list", "number", "nested", "texts")
    assert table.to_pylist() == [{name: row.get(name, absent.get(name)) for name in names} for row in rows]
    assert table.schema.field("id").type == pa.int64()
    assert table.schema.field("text").type == pa.large_string()
    assert table.schema.field("number").type == pa.float64()


@pytest.mark.parametrize("block", [2**24, 20])
def test_values_of_several_types_are_text_and_large_numbers_stay_exact(tmp_path, monkeypatch, block):
    monkeypatch.setattr(json_file, "BLOCK", block)
    columns = {
        "words": [1, "a", 2.5, True, None, 7.0],
        "large": [2**53 + 1, 1.5, 3, 4, None, 0],
        "huge": [2**64, 1, 2, 3, 4, 5],
        "tags": ["a", ["a", "b"], None, [], "c", ["ü"]],
        "lists": [[1], ["a"], [2.0], [], [None], [True]],
    }
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    table = table_of(tmp_path, *rows).to_pydict()
    assert table["words"] == ["1", "a", "2.5", "True", None, "7"]
    assert table["large"] == [str(2**53 + 1), "1.5", "3", "4", None, "0"]
    assert table["huge"] == columns["huge"]
    assert table["tags"] == ["a", '["a", "b"]', None, "[]", "c", '["ü"]']
    assert table["lists"] == [["1"], ["a"], ["2"], [], [None], ["True"]]


def test_batches_have_the_types_of_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(json_file, "BLOCK", 64)
    path = tmp_path / "t.ndjson"
    path.write_text("".join(json.dumps({"x": row if row < 50 else row + 0.5, "y": None}) + "\n" for row in range(99)))
    file = open_table(path)
    batches = list(file.batches(["x"], rows=2))
    assert {batch.schema for batch in batches} == {pa.schema({"x": pa.float64()})}
    assert max(map(len, batches)) == 2
    assert pa.concat_tables(batches).equals(file.read(["x"]).combine_chunks()) or pa.concat_tables(batches).equals(
        file.read(["x"])
    )
    assert file.columns == ["x", "y"]


def test_lines_that_are_no_objects_are_named(tmp_path):
    for lines, words in {
        ('{"a": 1}', '{"a": 1'): "no JSON in line 2",
        ('{"a": 1}', "", "[1]"): "holds a list in line 3",
        ("[", '{"a": 1}', "]"): "no JSON in line 1",
        ("",): "empty table",
    }.items():
        with pytest.raises(DataError, match=words) as caught:
            table_of(tmp_path, *lines)
        assert "\n" not in str(caught.value)
    (tmp_path / "latin.jsonl").write_bytes('{"a": "ä"}\n'.encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_table(tmp_path / "latin.jsonl")
    (tmp_path / "plain.jsonl.gz").write_text('{"a": 1}\n')
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_table(tmp_path / "plain.jsonl.gz")


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-9, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "2024-01-01", "2024-01-01 10:00:00", "7", "ü"]),
    st.lists(st.one_of(st.none(), st.integers(-9, 9), st.sampled_from(["a", "2024-01-01"])), max_size=3),
)
COLUMN = st.one_of(st.lists(VALUES, min_size=6, max_size=6), VALUES.map(lambda value: [value] * 6))


@given(columns=st.dictionaries(st.sampled_from("abc"), COLUMN, min_size=1), block=st.integers(1, 60))
def test_no_value_changes_and_no_type_depends_on_the_blocks(tmp_path_factory, columns, block):
    path = tmp_path_factory.mktemp("lines") / "t.jsonl"
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole = open_table(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_file, "BLOCK", block)
        parts = open_table(path)
        assert parts.schema == whole.schema
        assert parts.read().to_pylist() == whole.read().to_pylist()
    for name, values in columns.items():
        read = whole.read()[name].to_pylist()
        assert [value is None for value in read] == [value is None for value in values]
        kinds = {type(value) for value in values} - {type(None)}
        if len(kinds) == 1 and list not in kinds:
            assert read == values
