"""Every way in gives the data set that the frame gives."""

import gzip
import lzma

import duckdb
import fsspec
import polars as pl
import pyarrow as pa
import pytest
from visits import ROWS, TASKS, json_lines, lists_as_text, visits, write_duckdb, write_sqlite

import mtl_nas as mn
from mtl_nas.data import read_table
from mtl_nas.data.files.location import matching
from mtl_nas.errors import DataError

FRAME = visits()
BASE = mn.load_dataset(FRAME, TASKS)
HALF = ROWS // 2


def written(folder, way):
    """Write the table in one way; what to load it from."""
    text = lists_as_text(FRAME)
    if way == "jsonl":
        (folder / "visits.jsonl").write_text(json_lines(FRAME))
    elif way == "ndjson.gz":
        (folder / "visits.ndjson.gz").write_bytes(gzip.compress(json_lines(FRAME).encode()))
    elif way == "jsonl.xz":
        (folder / "visits.jsonl.xz").write_bytes(lzma.compress(json_lines(FRAME).encode()))
    elif way == "xlsx":
        text.to_excel(folder / "visits.xlsx", index=False)
    elif way == "list of csv":
        text[:HALF].to_csv(folder / "old.csv", index=False)
        text[HALF:][text.columns[::-1]].to_csv(folder / "new.tsv", sep="\t", index=False)
        return [folder / "old.csv", folder / "new.tsv"]
    elif way == "list of types":
        FRAME[:HALF].to_parquet(folder / "old.parquet")
        (folder / "new.jsonl").write_text(json_lines(FRAME[HALF:]))
        read = lists_as_text(FRAME[:HALF]).assign(seen=FRAME["seen"][:HALF], day=FRAME["day"][:HALF].astype(str))
        read.to_parquet(folder / "old.parquet")
        return [folder / "old.parquet", folder / "new.jsonl"]
    elif way == "pattern":
        for index, part in enumerate((FRAME[:HALF], FRAME[HALF:])):
            part.to_parquet(folder / f"visits-{index}.parquet")
        return folder / "visits-*.parquet"
    elif way == "file URL":
        text.to_csv(folder / "visits.csv", index=False)
        return f"file://{folder}/visits.csv"
    elif way == "URLs with a pattern":
        for index, part in enumerate((FRAME[:HALF], FRAME[HALF:])):
            fsspec.filesystem("memory").pipe(f"/{folder.name}/{index}.parquet", part.to_parquet())
        return f"memory://{folder.name}/*.parquet"
    elif way == "packed URL":
        fsspec.filesystem("memory").pipe(f"/{folder.name}.csv.gz", gzip.compress(text.to_csv(index=False).encode()))
        return f"memory://{folder.name}.csv.gz"
    elif way == "duckdb":
        write_duckdb(FRAME, folder / "shop.duckdb")
        return {"query": "select * from visits;", "database": str(folder / "shop.duckdb")}
    elif way == "query of files":
        FRAME.to_parquet(folder / "visits.parquet")
        return {"query": "from 'visits.parquet' -- all of it", "folder": str(folder)}
    else:
        write_sqlite(FRAME, folder / "shop.db")
        database = f"{folder}/shop.db" if way == "sqlite" else f"sqlite:///{folder}/shop.db"
        return {"query": "select * from visits where city like '%' or 1", "database": database}
    return folder / f"visits.{way}"


FILES = ["jsonl", "ndjson.gz", "jsonl.xz", "xlsx", "list of csv", "list of types", "pattern"]
WAYS = [*FILES, "file URL", "packed URL", "URLs with a pattern", "duckdb", "query of files", "sqlite", "sqlite URL"]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_gives_the_data_set_of_the_frame(tmp_path, way):
    source = written(tmp_path, way)
    data = mn.load_dataset(source, TASKS)
    assert data.schema == BASE.schema
    assert data.fingerprint == BASE.fingerprint
    assert len(read_table(source)) == ROWS
    assert mn.encode_table(source, tmp_path / "encoded", TASKS).fingerprint == BASE.fingerprint


@pytest.mark.parametrize("way", ["pattern", "duckdb", "query of files", "sqlite URL", "list of csv"])
def test_what_a_run_records_loads_the_same_table(tmp_path, way):
    recorded = mn.load_dataset(written(tmp_path, way), TASKS).declaration.tree()
    for path in tmp_path.glob("visits-0*"):
        (tmp_path / "visits-9.parquet").write_bytes(path.read_bytes())  # it matches the pattern, and comes later
    again = mn.data.Declaration.model_validate(recorded)
    assert mn.load_dataset(again).fingerprint == BASE.fingerprint


def test_frames_of_other_libraries_give_the_data_set_of_pandas():
    arrow, frame = pa.Table.from_pandas(FRAME), pl.from_pandas(FRAME)
    connection = duckdb.connect()
    connection.register("frame", FRAME)
    frames = {
        "polars": frame,
        "lazy polars": frame.lazy(),
        "Arrow": arrow,
        "batch": pa.record_batch(arrow.to_batches()[0]),
        "reader": arrow.to_reader(max_chunksize=50),
        "categories of polars": frame.with_columns(pl.col("city").cast(pl.Categorical)),
        "relation": connection.sql("select * from frame"),
    }
    for name, other in frames.items():
        data = mn.load_dataset(other, TASKS)
        assert data.schema == BASE.schema, name
        assert data.fingerprint == BASE.fingerprint, name


def test_paths_of_a_search_file_are_relative_to_it(tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    FRAME.to_parquet(folder / "visits-1.parquet")
    write_duckdb(FRAME, folder / "shop.duckdb")
    write_sqlite(FRAME, folder / "shop.db")
    for table in (
        "visits-*.parquet",
        "[visits-1.parquet]",
        "{query: from visits, database: shop.duckdb}",
        "{query: select * from visits, database: 'sqlite:///shop.db'}",
        "{query: from 'visits-1.parquet'}",
    ):
        (folder / "search.yaml").write_text(f"data: {{table: {table}}}\ntasks: {{click: {{kind: binary}}}}\n")
        assert mn.load_dataset(folder / "search.yaml").fingerprint == BASE.fingerprint, table


def test_test_rows_come_from_any_table(tmp_path):
    FRAME.to_parquet(tmp_path / "visits.parquet")
    lists_as_text(FRAME[:40]).to_csv(tmp_path / "later-1.csv", index=False)
    query = {"query": "from visits limit 40", "database": str(tmp_path / "shop.duckdb")}
    write_duckdb(FRAME, tmp_path / "shop.duckdb")
    tests = ([tmp_path / "later-1.csv"], [str(tmp_path / "later-*.csv")], str(tmp_path / "later-*.csv"), query)
    for number, test in enumerate(tests):
        data = mn.load_dataset(tmp_path / "visits.parquet", TASKS, split={"test": test})
        assert len(data.rows("test")) == 40
        encoded = mn.encode_table(tmp_path / "visits.parquet", tmp_path / str(number), TASKS, split={"test": test})
        assert encoded.fingerprint == data.fingerprint


def test_columns_that_a_file_lacks_are_missing_there(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("z,x\n3,4\n")
    table = read_table(str(tmp_path / "?.csv"))
    assert table.to_pandas().astype(object).where(table.to_pandas().notna(), None).to_numpy().tolist() == [
        ["1", "2", None],
        ["4", None, "3"],
    ]


def test_lists_of_files_say_what_is_wrong(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    pa.parquet.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    pa.parquet.write_table(pa.table({"x": [["a"]]}), tmp_path / "l.parquet")
    pa.parquet.write_table(pa.table({"x": [2.0**70]}), tmp_path / "c.parquet")
    pa.parquet.write_table(pa.table({"x": [2**60 + 1]}), tmp_path / "d.parquet")
    for names, words in {
        ("a.csv", "a.parquet"): "holds text",
        ("a.parquet", "l.parquet"): "column 'x' of .*l.parquet' cannot be large_string",
        ("a.csv", "a.csv"): "twice",
        ("a.csv", "n*.csv"): "no file matches",
        ("c.parquet", "d.parquet"): "column 'x' of .*d.parquet' cannot be double",
    }.items():
        with pytest.raises(DataError, match=words) as caught:
            read_table([tmp_path / name for name in names])
        assert "\n" not in str(caught.value)


def test_patterns_match_as_in_a_shell(tmp_path):
    for name in ("b.csv", "a1.csv", "a2.csv", ".hidden.csv", "in/c.csv", "in/deep/d.csv", "[x].csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n1\n")
    expected = {
        "*.csv": ["[x].csv", "a1.csv", "a2.csv", "b.csv"],
        "a?.csv": ["a1.csv", "a2.csv"],
        "[!a]*.csv": ["[x].csv", "b.csv"],
        "*/*.csv": ["in/c.csv"],
        "in/**/*.csv": ["in/c.csv", "in/deep/d.csv"],
        "[x].csv": ["[x].csv"],
        "*": ["[x].csv", "a1.csv", "a2.csv", "b.csv"],
        "i*": ["in"],
    }
    for pattern, names in expected.items():
        assert matching(f"{tmp_path}/{pattern}") == [f"{tmp_path}/{name}" for name in names], pattern


def test_a_table_that_is_not_there_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match="no table 'shp.csv' in '.*'; did you mean 'shop.csv'"):
        read_table("shp.csv")
    declared = {"data": {"table": f"{tmp_path}/gone/shop.csv", "split": {"test": "gone.csv"}}}
    with pytest.raises(DataError, match="no table '.*gone/shop.csv'; if it was moved, change data.table in"):
        mn.load_dataset(mn.data.Declaration.model_validate(declared), ["x"])
    declared["data"]["table"] = f"{tmp_path}/shop.csv"
    with pytest.raises(
        DataError,
        match=r"no table 'gone.csv' in '.*'; did you mean 'shop.csv'.; if it was moved, change data.split.test in",
    ):
        mn.load_dataset(mn.data.Declaration.model_validate(declared), ["x"])
