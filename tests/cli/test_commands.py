"""What the commands do for a user who gets everything right."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from shop import FRAME, changed, csv, written

import mtl_nas as mn
from mtl_nas.cli.notes import LINES
from mtl_nas.cli.options import names as split_names
from mtl_nas.data import load_dataset
from mtl_nas.study.cost_estimate import _megabytes

PROGRAM = (sys.executable, "-c", "from mtl_nas.cli import main; main()")


def test_init_writes_a_file_that_loads_the_same_data(here, typed, refused):
    code, out, err = typed("init", "shop.csv", "--tasks", "click,buy", "--to", "mine.yaml")
    assert code == 0
    assert out.startswith("300 rows, 5 columns: 2 number, 1 category, 2 label\n")
    assert out.endswith("\nwrote mine.yaml; next: mtl-search check mine.yaml\n")
    assert "task 'click': binary" in err
    tree = yaml.safe_load(Path("mine.yaml").read_text())
    assert tree["tasks"] == {"click": {"kind": "binary"}, "buy": {"kind": "binary"}}
    assert tree["data"]["columns"] == {"size": "number", "color": "category", "price": "number"}
    assert tree["space"] == "everything"
    assert load_dataset("mine.yaml").fingerprint == load_dataset("shop.csv", ["click", "buy"]).fingerprint
    assert refused("init", "shop.csv", "--tasks", "click", "--to", "mine.yaml") == (
        "'mine.yaml' exists already; give another --to"
    )


def test_init_leaves_out_what_it_is_told_to(here, typed, refused):
    csv(nothing=np.nan, copy=FRAME["click"] * 2.5 + 1)
    assert typed("init", "other.csv", "--tasks", "click", "--ignore", "nothing, copy", "--to", "mine.yaml")[0] == 0
    tree = yaml.safe_load(Path("mine.yaml").read_text())
    assert tree["data"]["ignore"] == ["nothing", "copy"]
    assert set(tree["data"]["columns"]) == {"size", "color", "buy", "price"}
    line = refused("init", "other.csv", "--tasks", "click", "--ignore", "nothin")
    assert line == "ignore names 'nothin', which is no column of the table; did you mean 'nothing'?"


def test_init_names_a_table_beside_or_below_its_file_as_seen_from_there(here, typed):
    Path("deep/er").mkdir(parents=True)
    for to, table in (("mine.yaml", "shop.csv"), ("deep/er/mine.yaml", str(here / "shop.csv"))):
        assert typed("init", "shop.csv", "--tasks", "click", "--to", to)[0] == 0
        assert yaml.safe_load(Path(to).read_text())["data"]["table"] == table
        assert load_dataset(to).fingerprint == load_dataset("shop.csv", ["click"]).fingerprint
    Path("shop.csv").rename("deep/er/shop.csv")
    assert typed("init", "deep/er/shop.csv", "--tasks", "click", "--to", "above.yaml")[0] == 0
    assert yaml.safe_load(Path("above.yaml").read_text())["data"]["table"] == "deep/er/shop.csv"


def test_init_proposes_a_funnel_where_labels_are_nested(here, typed):
    assert typed("init", "shop.csv", "--tasks", "click,buy", "--to", "mine.yaml")[0] == 0
    text = Path("mine.yaml").read_text()
    assert (
        "#   tasks:\n#     # it is 1 only where click is 1\n#     buy: {kind: binary, after: click}\ntasks:\n" in text
    )
    Path("said.yaml").write_text(text.replace("  buy:\n    kind: binary\n", "  buy: {kind: binary, after: click}\n"))
    assert load_dataset("said.yaml").schema.nested_pairs == (("click", "buy"),)
    assert typed("init", "shop.csv", "--tasks", "buy,click", "--to", "other.yaml")[0] == 0
    assert "# it is 1 only where" not in Path("other.yaml").read_text()


def test_init_leaves_out_columns_without_a_value(here, typed):
    code, _, err = typed("init", csv(none=np.nan, void=""), "--tasks", "click", "--to", "mine.yaml")
    assert code == 0
    assert "column 'void' is left out: it has no value in any row" in err
    assert yaml.safe_load(Path("mine.yaml").read_text())["data"]["ignore"] == ["none", "void"]
    assert load_dataset("mine.yaml").schema.task_names == ("click",)


@pytest.mark.parametrize(
    ("columns", "tasks", "problem"),
    [
        (
            {"copy": FRAME["click"] * 2.5, "twin": 1 - FRAME["click"]},
            "click",
            "columns 'copy' gives away the label of task",
        ),
        ({"rare": (np.arange(len(FRAME)) == 7).astype(int)}, "click,rare", "task 'rare' has no positive in the"),
    ],
    ids=["leaks", "a label that no split can hold"],
)
def test_init_writes_a_file_that_says_why_it_is_refused(here, typed, refused, columns, tasks, problem):
    code, out, err = typed("init", csv(**columns), "--tasks", tasks, "--ignore", "buy", "--to", "mine.yaml")
    assert code == 0
    assert f"as it stands, the file is refused: {problem}" in err
    assert "# As it stands, this file is refused: " in Path("mine.yaml").read_text()
    assert refused("check", "mine.yaml").startswith(problem)
    assert ("! gives away task 'click' (correlation 1.000)" in out) == ("copy" in columns)
    assert typed("check", "mine.yaml")[1] == out.removesuffix("wrote mine.yaml; next: mtl-search check mine.yaml\n")


def test_check_prints_the_profile_of_the_table(here, typed):
    FRAME.assign(**{"Unnamed: 0": range(300)}).to_csv("shop.csv", index=False)
    _, out, _ = typed("check", "search.yaml", "--cpus", "1", "--trials", "1", "--presets", "single_task")
    assert "    ! is a row number: it says where a row stands in the table" in out
    assert "    ignore:\n      # a row number\n      - 'Unnamed: 0'\n" in out
    assert "  smooth numbers, auto encodes them as periodic: " in out


def test_a_name_with_a_comma_stands_in_quotes(here, typed):
    FRAME.rename(columns={"click": "click, or not", "buy": "so"}).to_csv("other.csv", index=False)
    code, _, _ = typed("init", "other.csv", "--tasks", '"click, or not", "so" ', "--to", "mine.yaml")
    assert code == 0
    assert list(yaml.safe_load(Path("mine.yaml").read_text())["tasks"]) == ["click, or not", "so"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("click,buy", ["click", "buy"]),
        (" click , ,buy,", ["click", "buy"]),
        ('"a, b",c', ["a, b", "c"]),
        ('"a ""b"" c" , d', ['a "b" c', "d"]),
        ('"half" open,c', ['"half" open', "c"]),
        ('say "hi",c', ['say "hi"', "c"]),
        ("two\nlines,c", ["two\nlines", "c"]),
        ("", []),
    ],
)
def test_names_are_listed_between_commas(text, names):
    assert split_names(text) == names


def test_names_may_look_like_anything_in_a_search_file(here, typed):
    names = {"click": "yes", "buy": "2024-01-31", "size": "null", "color": "~ # {x}: 'y'"}
    FRAME.rename(columns=names).to_csv("other.csv", index=False)
    assert typed("init", "other.csv", "--tasks", "yes,2024-01-31", "--to", "mine.yaml")[0] == 0
    schema = load_dataset("mine.yaml").schema
    assert schema.task_names == ("yes", "2024-01-31")
    assert {column.name for column in (*schema.categories, *schema.numbers)} == {"null", "~ # {x}: 'y'", "price"}


@pytest.mark.parametrize("name", sorted(set(mn.preset_names()) - {"dupn", "home"}))  # which need histories and families
def test_show_draws_every_preset_that_fits(here, typed, name):
    code, out, err = typed("show", name, "--data", "search.yaml")
    assert (code, err) == (0, "")
    assert "=> click" in out
    assert max(map(len, out.splitlines())) <= 80


def test_show_writes_drawings_by_their_suffix(here, typed):
    for name, start in (
        ("a.svg", "<svg "),
        ("a.mmd", "flowchart TD"),
        ("a.md", "flowchart TD"),
        ("a.txt", "embedding"),
    ):
        code, out, _ = typed("show", "mmoe", "--data", "search.yaml", "--to", name)
        assert (code, out) == (0, f"wrote {name}\n")
        assert Path(name).read_text().startswith(start)
    code, out, _ = typed("show", "mmoe", "--data", "search.yaml", "--format", "mermaid")
    assert out == Path("a.mmd").read_text() + "\n" or out == Path("a.mmd").read_text()


def test_show_prints_a_space_that_can_be_read_again(here, typed):
    code, out, _ = typed("show", "everything")
    assert code == 0
    written(out, "again.yaml")
    assert mn.load_space("again.yaml").tree == mn.load_space("everything").tree


def test_show_draws_a_model_folder_and_its_file(model, here, typed):
    assert typed("show", model)[1] == typed("show", model / "architecture.json")[1]


def test_predict_writes_csv_tsv_and_parquet(model, here, typed):
    code, out, err = typed("predict", model, "shop.csv", "--to", "deep/out.csv")
    assert (code, err) == (0, "")
    assert out == "wrote deep/out.csv: 300 rows, columns click, buy\n"
    typed("predict", model, "shop.csv", "--to", "out.tsv")
    FRAME.to_parquet("rows.parquet")
    typed("predict", model, "rows.parquet", "--to", "out.parquet")
    written_scores = pd.read_csv("deep/out.csv"), pd.read_csv("out.tsv", sep="\t"), pd.read_parquet("out.parquet")
    right = mn.load_model(model).predict(FRAME)
    for scores in written_scores:
        pd.testing.assert_frame_equal(scores, right, rtol=1e-6)


def test_predict_says_which_label_is_the_positive_one(here, typed):
    table = csv(click=np.where(FRAME["click"] == 1, "bad", "good"))
    data = mn.load_dataset(table, {"click": {"positive": "bad"}, "buy": {}})
    assert any(note.startswith("task 'click': binary, positive: 'bad', ") for note in data.notes)
    graph = mn.compose(mn.preset("mmoe", data.schema, experts=2, hidden=(4,), embedding=2), data.schema)
    mn.Model(mn.build(graph), data.schema).save("model")
    _, _, err = typed("predict", "model", table, "--to", "out.csv")
    assert err == "  click: the probability of 'bad' (the other label is 'good')\n"
    assert "- `click`: the probability of 'bad' (the other label is 'good').\n" in Path("model/README.md").read_text()


def test_a_table_without_rows_gives_scores_without_rows(model, here, typed):
    FRAME.head(0).to_csv("none.csv", index=False)
    code, out, _ = typed("predict", model, "none.csv", "--to", "out.csv")
    assert (code, out) == (0, "wrote out.csv: 0 rows, columns click, buy\n")
    assert Path("out.csv").read_text() == "click,buy\n"
    scores = mn.load_model(model).predict(FRAME.head(0))
    assert list(scores) == ["click", "buy"]
    assert len(scores) == 0


@pytest.mark.parametrize("coding", ["ascii", "latin-1"])
def test_a_console_that_lacks_a_character_shows_a_question_mark(here, coding):
    table = csv(**{"größe ± 日": 1.5})
    command = [*PROGRAM, "init", table, "--tasks", "click,buy", "--to", "mine.yaml"]
    done = subprocess.run(command, check=False, capture_output=True, env={**os.environ, "PYTHONIOENCODING": coding})
    assert done.returncode == 0, done.stderr
    assert b"?" in done.stdout + done.stderr


def test_a_reader_that_closes_the_pipe_ends_a_command_quietly(here):
    reader, writer = os.pipe()
    os.close(reader)
    command = [*PROGRAM, "show", "everything"]
    done = subprocess.run(command, check=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode in (1, 141)
    assert done.stderr == b""


def test_predict_keeps_columns_that_it_is_told_to(model, here, typed, refused):
    table = csv(id=range(300), **{"a, b": "x"})
    code, out, _ = typed("predict", model, table, "--to", "out.csv", "--keep", 'id,"a, b",id')
    assert (code, out) == (0, "wrote out.csv: 300 rows, columns id, a, b, click, buy\n")
    written_scores = pd.read_csv("out.csv")
    assert written_scores["id"].tolist() == list(range(300))
    pd.testing.assert_frame_equal(written_scores[["click", "buy"]], mn.load_model(model).predict(FRAME), rtol=1e-6)
    command = ("predict", model, table, "--to", "none.csv", "--keep")
    assert refused(*command, "idd") == "'idd' is to be kept and is no column of the table; did you mean 'id'?"
    assert refused(*command, "id,buy") == ("'buy' is to be kept, and a prediction has that name too; rename the column")
    assert not Path("none.csv").exists()


def test_encode_writes_a_folder_that_stands_for_the_table(here, typed, refused):
    code, out, err = typed("encode", "search.yaml", "--to", "rows")
    assert (code, out) == (0, "wrote rows: rows 240 train, 30 validation, 30 test; next: mtl-search check rows\n")
    assert "task 'buy': binary" in err
    assert mn.load_dataset("rows").fingerprint == mn.load_dataset("search.yaml").fingerprint
    assert refused("encode", "search.yaml", "--to", "rows") == "'rows' is there already; give another folder"
    assert refused("encode", "shop.csv", "--to", "more") == (
        "no task is declared; name the label columns, with --tasks or under tasks:, among: "
        "size, color, click, buy, price"
    )
    line = refused("check", "rows", "--tasks", "click")
    assert line == (
        f"'{here / 'rows'}' is encoded and keeps its tasks (click, buy): encode the table again to change that, or "
        "leave it out"
    )
    assert typed("show", "mmoe", "--data", "rows")[0] == 0
    changed(data={"table": "rows"})
    assert mn.load_dataset("search.yaml").rows("train").stored


def test_a_folder_that_is_cut_short_is_one_line(here, typed, refused):
    typed("encode", "search.yaml", "--to", "rows")
    Path("rows/train/labels.npy").unlink()
    assert refused("check", "rows").startswith(f"no file '{here / 'rows/train/labels.npy'}' on ")


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_a_search_on_an_encoded_folder_is_that_on_its_table(here, typed):
    tiny = {"design": {"levels": [{"shared": {"int": [1, 3]}, "expert": {"hidden": [8]}}]}, "training": {"epochs": 1}}
    written(tiny, "own.yaml")
    typed("encode", "search.yaml", "--to", "rows")
    quick = ("--space", "own.yaml", "--trials", "2", "--presets", "none", "--cpus", "1")
    outcomes = [
        typed("run", source, *quick, "--folder", folder) for source, folder in (("rows", "a"), ("search.yaml", "b"))
    ]
    assert [code for code, _, _ in outcomes] == [0, 0]
    lines = [[trial.score for trial in mn.load_run(folder).trials()] for folder in ("a", "b")]
    assert lines[0] == lines[1]
    code = typed("compare", "a", "b")[0]
    assert code == 0
    assert typed("resume", "a")[0] == 0


def test_what_the_package_logs_is_a_line_on_standard_error(capsys):
    LINES.handle(logging.makeLogRecord({"msg": "starting Ray ..."}))
    assert capsys.readouterr() == ("", "starting Ray ...\n")


@pytest.mark.parametrize(
    ("search", "work"),
    [
        ({"trials": 8}, "8 trials, then a comparison within a third of the work: about "),
        ({"trainings": 6.5}, "6.5 full trainings, the comparison included: about "),
    ],
)
def test_check_rehearses_the_search(here, typed, search, work):
    tiny = {
        "design": {"levels": [{"shared": {"int": [1, 3]}, "expert": {"hidden": [8]}}]},
        "training": {"learning_rate": {"choice": [1e-3, 1e30]}},  # a draw may diverge: checking goes on
    }
    written(tiny, "own.yaml")
    code, out, err = typed("check", changed(search=search), "--space", "own.yaml", "--cpus", "2")
    assert (code, err) == (0, "")
    out = " ".join(out.split())
    assert "space own 6 discrete designs and trainings, 3 different graphs" in out
    assert "trained beside it: single_task" in out
    assert "draw 3" in out
    assert work in out
    assert "on 2 workers" in out
    assert "task 'buy': binary" in out


def test_memory_is_left_out_where_the_system_does_not_say(monkeypatch):
    assert _megabytes() > 1
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert _megabytes() is None


def test_without_a_command_there_is_help(typed):
    code, out, _ = typed("--help")
    assert code == 0
    for command in ("init", "encode", "check", "run", "resume", "show", "compare", "export", "predict"):
        assert command in out
    assert typed("shw")[0] == 2
