"""Tables, tasks and labels that a user gets wrong: one line that names it, and exit code 2."""

from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml
from shop import FRAME, TREE, changed, csv, written

from mtl_nas.data import load_dataset

# Tables


def test_a_missing_table_is_named(here, refused):
    for command in ("init", "check", "run"):
        assert refused(command, "shopp.csv", "--tasks", "click") == (
            f"no table '{here / 'shopp.csv'}'; did you mean 'shop.csv'?"
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty table"),
        (b"size,click\n", "is an empty table"),
        (b"size;click\n1;0\n2;1\n", "has one column, 'size;click'; save it with ',' between its columns"),
        ("größe,click\n1,0\n".encode("latin-1"), "is not UTF-8 text; save it as UTF-8"),
        ("size,click\n1,0\n".encode("utf-16"), "is not UTF-8 text; save it as UTF-8"),
        (b"size,size,click\n1,2,0\n", "has two columns named 'size'"),
        (b"size,click\n1,0\n1,2,3,4\n", "is no table: "),
        (b'size,"click\n' + b"1,0\n" * 60000, "is no table: "),
    ],
)
def test_a_table_that_cannot_be_read_is_named(here, refused, content, message):
    Path("other.csv").write_bytes(content)
    line = refused("init", "other.csv", "--tasks", "click")
    assert line.startswith(f"'{here / 'other.csv'}' ")
    assert message in line


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("other.parquet", b"PAR1 but not really", "is not Parquet: "),
        ("other.csv.gz", b"not packed", "cannot be unpacked: "),
        ("other.xls", b"PK", "has no known suffix: .csv, .tsv"),
        ("other.xlsx", b"PK", "is no Excel workbook: "),
    ],
)
def test_other_formats_are_named(here, refused, name, content, message):
    Path(name).write_bytes(content)
    assert message in refused("init", name, "--tasks", "click")


def test_an_empty_folder_is_no_table(here, refused):
    Path("rows").mkdir()
    assert "holds no Parquet file" in refused("init", "rows", "--tasks", "click")


def test_an_unknown_data_set_has_a_nearest_one(here, refused):
    line = refused("run", "census-incom")
    assert line.startswith("no data set 'census-incom'; did you mean 'census-income'?; built in: census-income,")


# Tasks and labels


@pytest.mark.parametrize("word", ["mean", "worst", "parameters", "macs", "latency_ms"])
def test_a_task_with_the_name_of_an_objective_is_refused_with_the_way_out(here, refused, word):
    table = csv(**{word: FRAME["click"]})
    line = refused("init", table, "--tasks", f"click,{word}")
    assert line.startswith(f"no task can be named '{word}', which is a word of --objectives (mean, worst, ")
    assert line.endswith(f"give it another name: tasks: {{{word}_label: {{column: {word}}}}}")


def test_labels_that_a_file_of_test_rows_spells_otherwise_are_named(here, refused):
    csv("rest.csv", click=np.where(FRAME["click"] == 1, "low.", "high."))
    table = csv(click=np.where(FRAME["click"] == 1, "low", "high"))
    tree = TREE | {"data": {"table": table, "ignore": ["buy"], "split": {"test": "rest.csv"}}, "tasks": {"click": {}}}
    assert refused("check", written(tree)).startswith(
        "task 'click' has the labels 'high' and 'high.', which differ by a full stop or a space alone; spell them alike"
    )


def test_tasks_are_asked_for_with_the_columns_there_are(here, refused):
    for command in ("init", "check", "run"):
        line = refused(command, "shop.csv")
        assert line == (
            "no task is declared; name the label columns, with --tasks or under tasks:, among: "
            "size, color, click, buy, price"
        )
    assert "no task is declared" in refused("init", "shop.csv", "--tasks", " , ")


def test_an_unknown_task_has_a_nearest_column(here, refused):
    line = refused("init", "shop.csv", "--tasks", "clik")
    assert line == "task 'clik' is labelled by 'clik', which is no column of the table; did you mean 'click'?"


def test_a_task_is_listed_once(here, refused):
    assert refused("init", "shop.csv", "--tasks", "click,buy,click") == "task 'click' is listed twice"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (1, "task 'click' has one class: every label is '1'"),
        (np.nan, "task 'click' has no label in any row"),
        ([*["x"], *range(299)], "column 'click' is a number, but row 1 holds 'x'"),
        ([f"word {place}" for place in range(300)], "task 'click' has 300 different texts as labels; at most 100"),
    ],
)
def test_labels_that_teach_nothing_are_refused(here, refused, label, message):
    assert message in refused("init", csv(click=label), "--tasks", "click")


def test_lists_are_no_labels(here, refused):
    FRAME.assign(click=[[1, 2]] * 300).to_parquet("other.parquet")
    assert refused("init", "other.parquet", "--tasks", "click") == "column 'click' holds lists; a label is one value"


def test_text_in_a_numeric_label_names_its_row(here, refused):
    price = FRAME["price"].astype(object)
    price[17] = "n.a.!"
    message = "column 'price' is a number, but row 18 holds 'n.a.!'"
    assert refused("init", csv(price=price), "--tasks", "price") == message
    tree = TREE | {"data": {"table": "other.csv"}, "tasks": {"price": {"kind": "regression"}}}
    assert refused("check", written(tree)) == message


def test_a_column_without_a_value_is_named(here, refused):
    line = refused("check", csv(nothing=np.nan), "--tasks", "click")
    assert line == "column 'nothing' has no value in any row; ignore it (ignore: ['nothing'])"
    line = refused("check", csv(nothing=np.nan, void=""), "--tasks", "click")
    assert line == "columns 'nothing', 'void' have no value in any row; ignore them (ignore: ['nothing', 'void'])"


def test_a_label_among_the_features_is_refused(here, refused):
    source = {"table": "shop.csv", "columns": {"buy": "category"}}
    assert (
        refused("check", changed(data=source)) == "column 'buy' is the label of task 'buy'; it cannot be a feature too"
    )
    sequences = {"history": {"items": "click"}}
    assert "column 'click' is the label of task 'click'" in refused("check", changed(sequences=sequences))


def test_a_column_that_equals_a_label_is_refused(here, refused):
    line = refused("check", csv(copy=FRAME["click"] * 2.5 + 1), "--tasks", "click")
    assert line.startswith("column 'copy' gives away the label of task 'click' (correlation 1.000); ignore it")


def test_all_columns_that_equal_labels_are_refused_at_once(here, refused):
    table = csv(copy=FRAME["click"] * 2.5 + 1, cost=FRAME["price"] * 100)
    line = refused("check", table, "--tasks", "click,price")
    assert "'copy' gives away the label of task 'click' (correlation 1.000); " in line
    assert "'cost' gives away the label of task 'price' (correlation 1.000); " in line
    assert line.endswith("; ignore them (ignore: ['cost', 'copy']), or leave those tasks out") or line.endswith(
        "; ignore them (ignore: ['copy', 'cost']), or leave those tasks out"
    )


def test_a_table_of_labels_alone_has_nothing_to_predict_from(here, refused):
    FRAME[["click", "price"]].to_csv("other.csv", index=False)
    assert refused("init", "other.csv", "--tasks", "click,price") == "no column is left to predict from"


def test_labels_that_break_a_funnel_are_counted(here, refused):
    line = refused("check", changed(tasks={"buy": None, "click": {"kind": "binary", "after": "buy"}}))
    assert line.startswith("task 'click' is 1 where 'buy' is 0 in ")
    assert line.endswith("mend the labels, or say violations: repair or drop")


def test_a_funnel_is_of_binary_tasks(here, refused):
    tasks = {"click": None, "price": {"kind": "regression", "after": "click"}}
    assert refused("check", changed(tasks=tasks)) == "task 'price' is regression and after 'click'; say where: click"


def test_every_item_of_a_sequence_has_its_properties(here, refused):
    FRAME.assign(items=[[1, 2]] * 300, kinds=[[1, 2]] * 299 + [[1]]).to_parquet("other.parquet")
    sequences = {"history": {"items": "items", "properties": ["kinds"]}}
    assert refused("check", changed(data={"table": "other.parquet"}, sequences=sequences)).startswith(
        "sequence 'history': row 300 has 2 values in 'items' and 1 in 'kinds'; "
    )


def test_a_group_of_one_row_cannot_be_split(here, refused):
    csv(shop=["a", "b"] * 149 + ["b", "c"])
    source = {"table": "other.csv", "group": "shop"}
    assert refused("check", changed(data=source, tasks={"click": None})).startswith(
        "group 'shop' has 1 row of 'c', none in the "
    )


# Ways in


def test_several_files_and_patterns_are_one_table(here, typed):
    for index, part in enumerate((FRAME[:150], FRAME[150:])):
        part.to_csv(f"day-{index}.csv", index=False)
    fingerprint = load_dataset("shop.csv", ["click"]).fingerprint
    for name, table in {"list": ["day-0.csv", "day-1.csv"], "pattern": ["day-*.csv"]}.items():
        code, _, err = typed("init", *table, "--tasks", "click", "--to", f"{name}.yaml")
        assert code == 0, err
        declared = yaml.safe_load(Path(f"{name}.yaml").read_text())["data"]["table"]
        assert declared == (table if name == "list" else table[0])
        assert load_dataset(f"{name}.yaml").fingerprint == fingerprint


def test_a_query_is_a_table(here, model, typed, refused):
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute("create table shop as select * from 'shop.csv'")
    database = ("--database", "shop.duckdb")
    assert typed("init", "select * from shop", *database, "--tasks", "click", "--to", "query.yaml")[0] == 0
    declared = yaml.safe_load(Path("query.yaml").read_text())["data"]["table"]
    assert declared == {"query": "select * from shop", "database": "shop.duckdb"}
    assert typed("init", "from 'shop.csv'", "--tasks", "click", "--to", "files.yaml")[0] == 0
    assert yaml.safe_load(Path("files.yaml").read_text())["data"]["table"] == {"query": "from 'shop.csv'"}
    assert typed("predict", model, "from shop limit 7", *database, "--to", "scores.csv")[0] == 0
    assert len(Path("scores.csv").read_text().splitlines()) == 8
    assert typed("encode", "from shop", *database, "--tasks", "click", "--to", "encoded")[0] == 0
    assert refused("init", "shop.csv", *database).startswith("--database belongs to a query")
    assert refused("init", "from shop", "shop.csv").startswith("a query is one argument in quotes")
    assert refused("init", "from shp", *database) == (
        "query 'from shp': Catalog Error: Table with name shp does not exist! Did you mean \"shop\"?"
    )
    declared = {"query": "from shop", "database": "gone.duckdb"}
    assert refused("check", changed(data={"table": declared})) == (
        f"no database '{here / 'gone.duckdb'}'; if it was moved, change data.table.database in search.yaml"
    )
