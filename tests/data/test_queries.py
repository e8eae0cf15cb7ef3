import sys

import duckdb
import pandas as pd
import pytest
from visits import TASKS, visits, write_duckdb, write_sqlite

import mtl_nas as mn
from mtl_nas.data import read_table
from mtl_nas.errors import DataError


def test_a_wrong_query_is_one_line(tmp_path):
    write_duckdb(visits(), tmp_path / "shop.duckdb")
    write_sqlite(visits(), tmp_path / "shop.db")
    (tmp_path / "text.db").write_text("no database")
    for query, database, words in (
        ("select * from vists", "shop.duckdb", "query 'select \\* from vists': .*vists.*[Dd]id you mean \"visits\""),
        ("select from", "shop.duckdb", "[Pp]arser"),
        ("drop table visits", "shop.duckdb", "a query is one SELECT"),
        ("select 1; select 2", "shop.duckdb", "a query is one SELECT"),
        ("select 1 a, 2 a", "shop.duckdb", "two columns named 'a'"),
        ("select 1 a where 1 = 0", "shop.duckdb", "empty table"),
        ("select * from vists", "shop.db", "query 'select \\* from vists': no such table: vists"),
        ("select 1 a, 2 a", "shop.db", "two columns named 'a'"),
        ("select 1 a", "gone.duckdb", "no database '.*gone.duckdb'"),
        ("select 1 a", "text.db", "no file of DuckDB or SQLite"),
        ("select 1 a", "sqlite:///gone.db", "no database 'gone.db'"),
        ("select 1 a", "oracle+cx_oracle://shop", "needs cx_Oracle, which is not installed"),
        ("select 1 a", "nosuch://shop", "Can't load plugin"),
        ("select 1 a", "$NOT_SET", "environment variable NOT_SET, which is not set"),
        ("from 'nofile.csv'", None, "nofile.csv"),
        ("from frame", None, "frame"),
    ):
        given = {"query": query} | ({} if database is None else {"database": database})
        if database and "." in database and ":" not in database:
            given["database"] = str(tmp_path / database)
        with pytest.raises(DataError, match=words) as caught:
            read_table(given)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "gone.db").exists()


def test_passwords_stay_in_the_environment(tmp_path, monkeypatch):
    for source in (
        {"query": "select 1", "database": "postgresql://reader:hunter2@shop/db"},
        {"query": "select 1", "database": "postgresql://shop/db?password=hunter2"},
        {"query": "from postgres_scan('host=shop password=hunter2', 'public', 'visits')"},
        "s3://key:hunter2@bucket/visits.parquet",
        ["https://shop/visits.csv?token=hunter2"],
    ):
        with pytest.raises(DataError, match="password") as caught:
            read_table(source)
        assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    with pytest.raises(DataError) as caught:
        read_table({"query": "select 1", "database": "mysql+nosuch://reader:${SHOP_PASSWORD}@shop/db"})
    assert "hunter2" not in str(caught.value)
    write_sqlite(visits(), tmp_path / "shop.db")
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path}/shop.db")
    data = mn.load_dataset({"query": "select * from visits", "database": "$SHOP_URL"}, TASKS)
    assert data.declaration.tree()["data"]["table"]["database"] == "$SHOP_URL"
    assert data.name == "query"


def test_a_query_has_the_same_rows_in_every_pass(tmp_path):
    rows = 300_000
    pd.DataFrame({"x": range(rows), "y": [row * 7 % 1000 for row in range(rows)]}).to_parquet(tmp_path / "t.parquet")
    query = {"query": "select y, x, count(*) n from 't.parquet' group by all", "folder": str(tmp_path)}
    first, again = read_table(query).to_arrow(), read_table(query).to_arrow()
    assert first.equals(again)
    ordered = read_table({"query": "from 't.parquet' order by y, x desc", "folder": str(tmp_path)}).to_pandas()
    assert ordered.equals(ordered.sort_values(["y", "x"], ascending=[True, False], ignore_index=True))


def test_an_extra_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(DataError, match=r"pip install 'mtl_nas\[sql\]'"):
        read_table({"query": "select 1"})
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    write_sqlite(visits(), tmp_path / "shop.db")
    with pytest.raises(DataError, match=r"pip install 'mtl_nas\[sql\]'"):
        read_table({"query": "select 1", "database": str(tmp_path / "shop.db")})


def test_a_relation_can_be_predicted(tmp_path):
    connection = duckdb.connect()
    connection.register("visits", visits())
    relation = connection.sql("select * from visits")
    data = mn.load_dataset(visits(), TASKS)
    model = mn.Model(mn.build(mn.compose(mn.preset("single_task", data.schema), data.schema)), data.schema)
    assert model.predict(relation).equals(model.predict(visits()))
