"""The command line: what a user gets wrong is one line on standard error that names it, and exit code 2."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from study_fixtures import proposed

import mtl_nas as mn
from mtl_nas.cli import main
from mtl_nas.cli.app import _names
from mtl_nas.cli.running import LINES
from mtl_nas.data import load_dataset
from mtl_nas.exports import write_model
from mtl_nas.record import Request, RunFolder
from mtl_nas.space.files import plain
from mtl_nas.study.rehearsal import _megabytes


def frame(rows: int = 300) -> pd.DataFrame:
    random = np.random.RandomState(0)
    size = random.standard_normal(rows).round(3)
    click = (size + random.standard_normal(rows) > 0).astype(int)
    return pd.DataFrame(
        {
            "size": size,
            "color": random.choice(["red", "green", "blue"], rows),
            "click": click,
            "buy": click * random.randint(0, 2, rows),
            "price": (size + random.standard_normal(rows)).round(3),
        }
    )


FRAME = frame()
TREE = {
    "data": {"table": "shop.csv"},
    "tasks": {"click": {"kind": "binary"}, "buy": {"kind": "binary", "after": "click"}},
    "search": {"trials": 8},
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with a table and a search file."""
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("shop.csv", index=False)
    written(TREE)
    return tmp_path


def written(tree: object, name: str = "search.yaml") -> str:
    Path(name).write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return name


def changed(**parts: object) -> str:
    """The search file with other parts."""
    return written(TREE | parts)


def csv(name: str = "other.csv", **columns: object) -> str:
    FRAME.assign(**columns).to_csv(name, index=False)
    return name


@pytest.fixture
def typed(monkeypatch, capfd):
    """Type a command; exit code, standard output, standard error."""

    def type_(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mtl-search", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        out, err = capfd.readouterr()
        return code, out, err

    return type_


@pytest.fixture
def refused(typed):
    """Type a command that is refused; the one line that says why."""

    def type_(*words: object) -> str:
        to = ("--to", "new.yaml") if words[0] == "init" and "--to" not in words else ()
        code, _, err = typed(*words, *to)
        assert not Path("new.yaml").exists()
        lines = [line for line in err.splitlines() if line.startswith("mtl-search: ")]
        assert code == 2, err
        assert "Traceback" not in err
        assert len(lines) == 1, err
        assert err.splitlines()[-1] == lines[0]
        return lines[0].removeprefix("mtl-search: ")

    return type_


# Tables


def test_a_missing_table_is_named(here, refused):
    for command in ("init", "check", "run"):
        assert refused(command, "shopp.csv", "--tasks", "click") == "no table 'shopp.csv'".replace(
            "shopp.csv", str(here / "shopp.csv")
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
    found = refused("init", "other.csv", "--tasks", "click")
    assert found.startswith(f"'{here / 'other.csv'}' ")
    assert message in found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("other.parquet", b"PAR1 but not really", "is not Parquet: "),
        ("other.csv.gz", b"not packed", "cannot be unpacked: "),
        ("other.xlsx", b"PK", "has no known suffix: .csv, .tsv"),
    ],
)
def test_other_formats_are_named(here, refused, name, content, message):
    Path(name).write_bytes(content)
    assert message in refused("init", name, "--tasks", "click")


def test_an_empty_folder_is_no_table(here, refused):
    Path("rows").mkdir()
    assert "holds no Parquet file" in refused("init", "rows", "--tasks", "click")


def test_an_unknown_data_set_has_a_nearest_one(here, refused):
    found = refused("run", "census-incom")
    assert found.startswith("no data set 'census-incom'; did you mean 'census-income'?; built in: census-income,")


# Tasks and labels


def test_tasks_are_asked_for_with_the_columns_there_are(here, refused):
    for command in ("init", "check", "run"):
        found = refused(command, "shop.csv")
        assert found == (
            "no task is declared; name the label columns, with --tasks or under tasks:, among: "
            "size, color, click, buy, price"
        )
    assert "no task is declared" in refused("init", "shop.csv", "--tasks", " , ")


def test_an_unknown_task_has_a_nearest_column(here, refused):
    found = refused("init", "shop.csv", "--tasks", "clik")
    assert found == "task 'clik' is labelled by 'clik', which is no column of the table; did you mean 'click'?"


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
    found = refused("init", csv(nothing=np.nan), "--tasks", "click")
    assert found == "column 'nothing' has no value in any row; ignore it (ignore: ['nothing'])"


def test_a_label_among_the_features_is_refused(here, refused):
    source = {"table": "shop.csv", "columns": {"buy": "category"}}
    assert (
        refused("check", changed(data=source)) == "column 'buy' is the label of task 'buy'; it cannot be a feature too"
    )
    sequences = {"history": {"items": "click"}}
    assert "column 'click' is the label of task 'click'" in refused("check", changed(sequences=sequences))


def test_a_column_that_equals_a_label_is_refused(here, refused):
    found = refused("init", csv(copy=FRAME["click"] * 2.5 + 1), "--tasks", "click")
    assert found.startswith("column 'copy' gives away the label of task 'click' (correlation 1.000); ignore it")


def test_a_table_of_labels_alone_has_nothing_to_predict_from(here, refused):
    FRAME[["click", "price"]].to_csv("other.csv", index=False)
    assert refused("init", "other.csv", "--tasks", "click,price") == "no column is left to predict from"


def test_labels_that_break_a_funnel_are_counted(here, refused):
    found = refused("check", changed(tasks={"buy": None, "click": {"kind": "binary", "after": "buy"}}))
    assert found.startswith("task 'click' is 1 where 'buy' is 0 in ")
    assert found.endswith("mend the labels, or say violations: repair or drop")


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


# Search files


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ("data: [1, 2\ntasks: {", "search.yaml: not YAML: line 2: "),
        ("data: {table: shop.csv}\n\ttasks: 1", "search.yaml: not YAML: line 2: "),
        ("", "search.yaml: a search file is a mapping with data and tasks, got NoneType"),
        ("- 1", "search.yaml: a search file is a mapping with data and tasks, got list"),
        ("data: {}\ntasks: {click: }", "search.yaml: 'data.table' is missing"),
        (TREE | {"serach": {}}, "search.yaml: unknown key 'serach'; did you mean 'search'?"),
        (TREE | {"seed": 3}, "search.yaml: unknown key 'seed'"),
        (TREE | {"search": {"trails": 8}}, "search.yaml: search: unknown key 'trails'; did you mean 'trials'?"),
        (
            TREE | {"search": {"trials": 0}},
            "search.yaml: search: trials: input should be greater than or equal to 1, got 0",
        ),
        (
            TREE | {"search": {"time": "soon"}},
            "search.yaml: search: time: a time is written 90s, 30m or 2h, got 'soon'",
        ),
        (
            TREE | {"search": {"sampler": "tpee"}},
            "search.yaml: search: sampler: input should be 'auto', 'tpe', 'evolution', 'local', 'nsga2' or 'random', "
            "got 'tpee'",
        ),
        (
            TREE | {"data": {"table": "shop.csv", "splt": {}}},
            "search.yaml: unknown key 'data.splt'; did you mean 'split'?",
        ),
        (TREE | {"data": {"table": "shopp.csv"}}, "no table '"),
        (
            TREE | {"tasks": {"click": {"kind": "binry"}}},
            "search.yaml: tasks.click.kind: input should be 'binary', 'multiclass', 'ordinal', "
            "'regression' or 'count', "
            "got 'binry'",
        ),
        (
            TREE | {"tasks": {"buy": {"after": "clik"}, "click": None}},
            "search.yaml: task 'buy' is after 'clik', which is no earlier task",
        ),
        (TREE | {"tasks": ["click", "buy"]}, "search.yaml: tasks: input should be a valid dictionary"),
        (
            TREE | {"data": {"table": "shop.csv", "ignore": ["colour"]}},
            "ignore names 'colour', which is no column of the table; did you mean 'color'?",
        ),
        (
            TREE | {"data": {"table": "shop.csv", "split": {"validation": 0.6, "test": 0.5}}},
            "search.yaml: data.split: validation and test are shares that leave rows to train, got 0.6 and 0.5",
        ),
        (TREE | {"space": "plee"}, "no search space 'plee'; built in: "),
        (TREE | {"space": "own.yaml"}, "no file 'own.yaml'"),
        (
            TREE | {"search": {"rungs": [0.5, 0.2, 1]}},
            "search: rungs are rising shares that end at 1, got [0.5, 0.2, 1.0]",
        ),
    ],
)
def test_a_search_file_that_is_wrong_says_where(here, refused, tree, message):
    assert message in refused("check", written(tree))


def test_a_missing_search_file_is_named(here, refused):
    for command in ("check", "run"):
        assert refused(command, "serach.yaml") == "no file 'serach.yaml'"


def test_a_search_file_in_another_coding_is_named(here, refused):
    Path("latin.yaml").write_bytes("tasks: {größe: }".encode("latin-1"))
    assert refused("check", "latin.yaml") == "'latin.yaml' is not UTF-8 text"


# Spaces


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            {"design": {"levels": [{"shared": {"int": [0, 2]}}]}},
            "space 'own': design.levels.0: a level needs an expert for every task, got shared=0 and specific=0; raise",
        ),
        (
            {"design": {"levels": [{"shared": 2, "mixing": {"placment": "task"}}]}},
            "space 'own': unknown key 'design.levels.0.mixing.placment'; did you mean 'placement'?",
        ),
        (
            {"design": {"levels": [{"shared": 2, "expert": {"activation": {"choice": ["relu", "rlu"]}}}]}},
            "space 'own': design.levels.0.expert.activation: input should be 'relu', 'gelu', 'silu', 'tanh' or "
            "'identity', got 'rlu'",
        ),
        ({"design": {"levls": []}}, "space 'own': unknown key 'design.levls'; did you mean 'levels'?"),
        ({"desing": {}}, "space 'own': unknown key 'desing'; did you mean 'design'?"),
        (
            {"design": {"inputs": {"embedding": {"int": [8, 4]}}}},
            "space 'own': design.inputs.embedding: an int needs low <= high, got low=8, high=4",
        ),
        ({"design": {"inputs": {"embedding": {"choice": []}}}}, "design.inputs.embedding: a choice needs an option"),
        ({"training": {"learning_rate": -1}}, "space 'own': training.learning_rate: input should be greater than 0"),
        ([1], "space 'own': a space is a mapping with design and training, got list"),
    ],
)
def test_a_space_that_is_wrong_says_where(here, refused, space, message):
    written(space, "own.yaml")
    assert message in refused("check", "search.yaml", "--space", "own.yaml")
    assert message in refused("show", "own.yaml")
    assert message in refused("check", changed(space="own.yaml"))


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (
            {"transfers": {"links": [["click", "buy"], ["buy", "click"]]}},
            "transfers.links run in a circle: click -> buy -> click; take one link out",
        ),
        (
            {"losses": {"calibrator": 0.3}},
            "losses.calibrator is 0.3, but no task is declared after another; "
            "declare one with after:, or say calibrator: 0",
        ),
        (
            {"losses": {"negatives": 0.3}},
            "losses.negatives needs one first event that all tasks follow, got click, buy; "
            "declare the later ones with after:, or say negatives: 1",
        ),
    ],
)
def test_a_space_that_does_not_fit_the_tasks_says_why(here, refused, design, message):
    written({"design": {"levels": [{"specific": 1, "expert": {"hidden": [4]}}], **design}}, "own.yaml")
    assert refused("check", changed(tasks={"click": None, "buy": None}), "--space", "own.yaml") == message


def test_an_unknown_space_has_a_nearest_one(here, refused):
    found = refused("run", "search.yaml", "--space", "everythin")
    assert found.startswith("no search space 'everythin'; built in: ")
    assert found.endswith("or give a .yaml file; did you mean 'everything'?")


# Run folders


def test_times_are_spelled(here, refused):
    assert (
        refused("run", "search.yaml", "--time", "soon") == "search: time: a time is written 90s, 30m or 2h, got 'soon'"
    )
    assert refused("run", "search.yaml", "--time", "0s") == "search: time: input should be greater than 0, got 0.0"


@pytest.mark.parametrize("words", [("--trials", "0"), ("--trials", "many"), ("--seed", "-1"), ("--cpus", "0")])
def test_options_out_of_range_are_usage(here, typed, words):
    code, _, err = typed("run", "search.yaml", *words)
    assert code == 2
    assert words[0] in err
    assert "Traceback" not in err


def test_a_folder_for_a_run_is_a_folder_of_its_own(here, refused):
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("mine")
    assert refused("run", "search.yaml", "--folder", "shop.csv") == (
        "'shop.csv' is a file, and a run needs a folder; give another --folder"
    )
    assert refused("run", "search.yaml", "--folder", "taken") == (
        "folder 'taken' is not empty and holds no run; give another --folder"
    )
    assert [path.name for path in Path("taken").iterdir()] == ["notes.txt"]
    found = refused("run", "search.yaml", "--folder", ".")
    assert found.startswith("'.' is no run folder: its search.yaml says what to search")
    assert "'shop.csv" in refused("run", "search.yaml", "--folder", "shop.csv/run")


@pytest.fixture
def run(here):
    """A run that was begun and has proposed two trials."""
    data = load_dataset("search.yaml")
    folder = RunFolder("run")
    folder.begin(
        Request(
            data=data.declaration.tree(),
            tasks=data.schema.task_names,
            fingerprint=data.fingerprint,
            space=plain(mn.load_space("mmoe")),
            space_name="mmoe",
        )
    )
    for number in range(2):
        folder.record.append(proposed(number))
    return Path("run")


def test_a_run_in_the_place_of_a_search_file_is_gone_on_with(run, here, refused):
    for source in ("run", "run/", "run/search.yaml"):
        for command in ("run", "check"):
            found = refused(command, source)
            assert found == f"'{source}' is of a run that was begun; go on with: mtl-search resume run"


@pytest.mark.parametrize("command", ["resume", "show"])
def test_a_folder_that_is_no_run_is_named(here, refused, command):
    Path("nothing").mkdir()
    assert refused(command, "nothing") == "'nothing' is no run folder: it has no search.yaml"
    if command == "resume":
        assert refused("resume", "nowhere") == "no run folder 'nowhere'"
        assert refused("resume", ".").startswith("'.' is no run folder: its search.yaml says what to search")


def test_compare_and_export_refuse_a_folder_that_is_no_run(here, refused):
    Path("nothing").mkdir()
    message = "'nothing' is no run folder: it has no search.yaml"
    assert refused("compare", "nothing", "--data", "search.yaml") == message
    assert refused("export", "nothing", "--to", "out") == message
    assert refused("export", "nowhere", "--to", "out") == "no run folder 'nowhere'"


def test_a_run_in_use_by_another_process_is_named(run, here, refused):
    code = (
        "import sys\nfrom mtl_nas.record import RunFolder\n"
        "with RunFolder('run').lock():\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        found = refused("resume", "run")
        assert found.startswith(f"run folder 'run' is in use by process {other.pid} on ")
        assert found.endswith("; wait for it or stop it")
        other.stdin.close()


def test_another_search_in_the_folder_is_refused(run, here, refused):
    found = refused("run", "search.yaml", "--space", "mmoe", "--trials", "3", "--folder", "run")
    assert found.startswith("run folder 'run' holds a search with another budget (")
    assert found.endswith("give another --folder")
    FRAME.iloc[:200].to_csv("shop.csv", index=False)
    assert "run folder 'run' holds a search on other data" in refused("resume", "run")


def test_a_run_whose_files_are_broken_says_which(run, here, refused):
    record, asked = run / "trials.jsonl", run / "search.yaml"
    whole, lines = asked.read_text(), record.read_text().splitlines(keepends=True)
    record.write_text(lines[0] + "{broken\n" + lines[1])
    for command in (("resume", run), ("show", run), ("compare", run), ("export", run, "--to", "out")):
        assert refused(*command).startswith("run/trials.jsonl: line 2 is no fact of this version: ")
    record.write_text("".join(lines))
    asked.write_text(whole.replace("seed: 0", "seed: zero"))
    assert refused("resume", run).startswith("run/search.yaml: seed: input should be a valid integer")
    asked.write_text(whole.replace("kind: binary", "kind: binry"))
    assert refused("resume", run).startswith("run/search.yaml: data: tasks.click.kind: input should be 'binary'")
    asked.write_text(whole + "more: 1\n")
    assert refused("resume", run).startswith("run/search.yaml: unknown key 'more'")
    asked.write_text("{")
    assert refused("resume", run).startswith("run/search.yaml: not YAML: ")


def test_a_run_whose_table_is_gone_names_it(run, here, refused):
    Path("shop.csv").unlink()
    assert refused("resume", run) == f"no table '{here / 'shop.csv'}'"


def test_an_unfinished_run_says_how_to_go_on(run, here, refused):
    message = "the search in 'run' is not finished; go on with: mtl-search resume run"
    assert refused("show", run) == message
    assert refused("compare", run) == message
    assert refused("export", run, "--to", "out") == message


def test_a_trial_that_is_not_there_is_named(run, here, refused):
    assert refused("export", run, "--to", "out", "--trial", 7) == "no trial 7 in 'run'; it has trials 0 to 1"
    (run / "trials.jsonl").write_text("")
    assert refused("export", run, "--to", "out", "--trial", 0) == "no trial 0 in 'run'; it has none yet"


# Architectures, models


def architecture(**changes: object) -> dict:
    nodes = [
        {"name": "embedding", "block": {"block": "embedding", "categories": [{"name": "color", "size": 4}]}},
        {"name": "a", "block": {"block": "expert"}, "inputs": ["embedding"]},
        {"name": "tower/click", "block": {"block": "tower"}, "inputs": ["a"]},
    ]
    return {"nodes": nodes, "heads": [{"task": "click", "node": "tower/click", "kind": "binary"}], **changes}


def with_inputs(place: int, *inputs: str, **block: object) -> dict:
    tree = architecture()
    tree["nodes"][place]["inputs"] = list(inputs)
    tree["nodes"][place]["block"].update(block)
    return tree


def spent_in_a_product() -> dict:
    tree = architecture()
    tree["nodes"] += [
        {"name": "tower/spent", "block": {"block": "tower"}, "inputs": ["a"]},
        {"name": "p", "block": {"block": "product"}, "inputs": ["tower/click", "tower/spent"]},
    ]
    tree["heads"][0]["node"] = "p"
    tree["heads"].append({"task": "spent", "node": "tower/spent", "kind": "regression"})
    return tree


ARCHITECTURES = [
    (with_inputs(1, "tower/click"), "node 'a' reads 'tower/click', which comes later or is itself: a cycle"),
    (with_inputs(1, "a"), "node 'a' reads 'a', which comes later or is itself: a cycle"),
    (with_inputs(2, "b"), "node 'tower/click' reads 'b', which no earlier node computes"),
    (with_inputs(1, "embeding"), "which no earlier node computes; did you mean 'embedding'?"),
    (with_inputs(2, "embedding"), "node 'a' leads to no head; connect it or take it out"),
    (architecture(heads=[]), "an architecture needs a head; it has none"),
    (
        architecture(heads=[{"task": "click", "node": "x", "kind": "binary"}]),
        "the head of 'click' reads 'x', which no node",
    ),
    (architecture(nods=[]), "unknown key 'nods'; did you mean 'nodes'?"),
    (architecture(version=2), "version: input should be 1, got 2"),
    (with_inputs(1, "embedding", block="expertt"), "'expertt'"),
    (with_inputs(1, "embedding", hiden=[4]), "unknown key 'nodes.1.block.hiden'; did you mean 'hidden'?"),
    (
        spent_in_a_product(),
        "product 'p' takes 'tower/spent' for a chance, but the head of 'spent' reads it as regression",
    ),
    ({"heads": []}, "'nodes' is missing"),
    ([1, 2], "got [1, 2]"),
]


@pytest.mark.parametrize(("tree", "message"), ARCHITECTURES)
def test_an_architecture_file_that_is_wrong_names_the_node(here, refused, tree, message):
    Path("graph.json").write_text(json.dumps(tree))
    for command in (("show", "graph.json"), ("compare", "graph.json", "--data", "search.yaml")):
        found = refused(*command)
        assert found.startswith("graph.json: ")
        assert message in found
        assert len(found) < 300


def test_a_file_that_is_no_json_is_named(here, refused):
    Path("graph.json").write_text('{"nodes": [')
    assert refused("show", "graph.json").startswith("graph.json: not JSON: line 1: ")
    assert refused("show", "none.json") == "no file 'none.json'"


def test_what_cannot_be_shown_or_compared_has_a_nearest_preset(here, refused):
    found = refused("show", "mmoee")
    assert found.startswith(
        "nothing to show at 'mmoee'; give a run, a model folder, an architecture file, a space, or a"
    )
    assert found.endswith("did you mean 'mmoe'?")
    found = refused("compare", "plee", "--data", "search.yaml")
    assert found.startswith("nothing to compare at 'plee'; ")
    assert found.endswith("did you mean 'ple'?")


def test_compare_needs_data(here, refused):
    found = refused("compare", "mmoe", "ple")
    assert found == "compare needs data to train and score on: give --data, or a run that knows its own"
    assert "no task is declared" in refused("compare", "mmoe", "--data", "shop.csv")


def test_compare_on_other_data_names_what_differs(here, refused):
    data = load_dataset("search.yaml")
    graph = mn.compose(mn.preset("mmoe", data.schema), data.schema)
    Path("graph.json").write_text(graph.model_dump_json())
    other = written(TREE | {"data": {"table": csv(color=FRAME["color"] + "ish", more=FRAME["price"])}}, "other.yaml")
    assert "node 'embedding' was made for other columns than the data has" in refused(
        "compare", "graph.json", "--data", other
    )


def test_a_preset_that_does_not_fit_says_why(here, refused):
    tasks = {"click": None, "price": None}
    assert refused("compare", "esmm", "--data", changed(tasks=tasks)) == (
        "esmm needs a funnel, and no task is declared 'after' another"
    )


def test_formats_are_named(here, refused):
    assert (
        refused("show", "mmoe", "--format", "sgv")
        == "no format 'sgv'; formats: text, mermaid, svg; did you mean 'svg'?"
    )
    assert refused("show", "mmoe", "--to", "mmoe.pdf") == (
        "'mmoe.pdf' ends in '.pdf'; drawings are written as .svg, .mmd, .md, .txt"
    )
    assert refused("export", "run", "--to", "out", "--format", "tensorflow") == (
        "no format 'tensorflow'; formats: torch, onnx"
    )


@pytest.fixture
def model(here):
    """A model folder; what it predicts matters to nobody."""
    data = load_dataset("search.yaml")
    graph = mn.compose(mn.preset("mmoe", data.schema, experts=2, hidden=(4,), embedding=2), data.schema)
    write_model(Path("model"), mn.build(graph), data.schema)
    return Path("model")


def test_rows_without_the_columns_of_a_model_are_refused(model, here, refused):
    FRAME.drop(columns="color").to_csv("rows.csv", index=False)
    assert refused("predict", model, "rows.csv", "--to", "out.csv") == "the table lacks 1 column: 'color'"
    FRAME.rename(columns={"color": "colour", "size": "sise"}).to_csv("rows.csv", index=False)
    assert refused("predict", model, "rows.csv", "--to", "out.csv") == "the table lacks 2 columns: 'color', 'size'"
    assert not Path("out.csv").exists()


def test_text_among_the_numbers_names_its_row(model, here, refused):
    found = refused("predict", model, csv(size=["x", *FRAME["size"][1:]]), "--to", "out.csv")
    assert found == "column 'size' is a number, but row 1 holds 'x'"


def test_predictions_are_written_in_known_formats(model, here, refused):
    for name in ("out.xlsx", "out"):
        found = refused("predict", model, "shop.csv", "--to", name)
        assert found == f"'{name}' ends in '{Path(name).suffix}'; scores are written as .csv, .tsv or .parquet"
    assert "'shop.csv" in refused("predict", model, "shop.csv", "--to", "shop.csv/out.csv")


def test_a_folder_that_is_no_model_is_named(run, model, here, refused):
    assert refused("predict", "nowhere", "shop.csv", "--to", "out.csv") == "no model folder 'nowhere'"
    assert refused("predict", run, "shop.csv", "--to", "out.csv") == (
        "'run' is no model folder: it has no architecture.json"
    )
    model.rename(run / "best")
    assert refused("predict", run, "shop.csv", "--to", "out.csv") == (
        "'run' is no model folder: it has no architecture.json; the model of this run is in run/best"
    )


def test_a_model_folder_that_is_broken_says_which_file(model, here, refused):
    command = ("predict", model, "shop.csv", "--to", "out.csv")
    weights = (model / "model.safetensors").read_bytes()
    for broken in (b"", b"\x00" * 100, weights[: len(weights) // 2], b"no tensors at all, just words" * 9):
        (model / "model.safetensors").write_bytes(broken)
        assert refused(*command).startswith("model/model.safetensors: cannot be read: ")
        assert refused("export", model, "--to", "out").startswith("model/model.safetensors: cannot be read: ")
    (model / "model.safetensors").write_bytes(weights)
    schema = json.loads((model / "schema.json").read_text())
    (model / "schema.json").write_text(json.dumps(schema | {"version": 9}))
    assert refused(*command) == "model/schema.json: version: input should be 1, got 9"
    schema["categories"][0]["levels"].append("violet")
    (model / "schema.json").write_text(json.dumps(schema))
    assert refused(*command) == (
        "model/architecture.json and schema.json do not belong together: "
        "node 'embedding' has 4 ids for column 'color', the data has 5"
    )
    (model / "schema.json").unlink()
    assert refused(*command) == "'model' is no model folder: it has no schema.json"


def test_exports_go_to_a_folder_and_a_model_has_no_trials(model, here, refused):
    assert refused("export", model, "--to", "shop.csv") == "'shop.csv' is a file; give a folder to write to"
    assert refused("export", model, "--to", "out", "--trial", 3) == (
        "'model' is one model and has no trials; give the run folder to export trial 3"
    )


# What works


def test_init_writes_a_file_that_loads_the_same_data(here, typed, refused):
    code, out, err = typed("init", "shop.csv", "--tasks", "click,buy", "--to", "mine.yaml")
    assert (code, out) == (0, "wrote mine.yaml; next: mtl-search check mine.yaml\n")
    assert "task 'click': binary" in err
    tree = yaml.safe_load(Path("mine.yaml").read_text())
    assert tree["tasks"] == {"click": {"kind": "binary"}, "buy": {"kind": "binary"}}
    assert tree["data"]["columns"] == {"size": "number", "color": "category", "price": "number"}
    assert tree["space"] == "everything"
    assert load_dataset("mine.yaml").fingerprint == load_dataset("shop.csv", ["click", "buy"]).fingerprint
    assert refused("init", "shop.csv", "--tasks", "click", "--to", "mine.yaml") == (
        "'mine.yaml' is there already; give another --to"
    )


def test_init_leaves_out_what_it_is_told_to(here, typed, refused):
    csv(nothing=np.nan, copy=FRAME["click"] * 2.5 + 1)
    assert "column 'nothing' has no value in any row" in refused("init", "other.csv", "--tasks", "click")
    assert typed("init", "other.csv", "--tasks", "click", "--ignore", "nothing, copy", "--to", "mine.yaml")[0] == 0
    tree = yaml.safe_load(Path("mine.yaml").read_text())
    assert tree["data"]["ignore"] == ["nothing", "copy"]
    assert set(tree["data"]["columns"]) == {"size", "color", "buy", "price"}
    found = refused("init", "other.csv", "--tasks", "click", "--ignore", "nothin")
    assert found == "ignore names 'nothin', which is no column of the table; did you mean 'nothing'?"


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
    assert "If that is a funnel, say under tasks:\n#   buy: {kind: binary, after: click}\ntasks:\n" in text
    Path("said.yaml").write_text(text.replace("  buy:\n    kind: binary\n", "  buy: {kind: binary, after: click}\n"))
    assert load_dataset("said.yaml").schema.nested_pairs == (("click", "buy"),)
    assert typed("init", "shop.csv", "--tasks", "buy,click", "--to", "other.yaml")[0] == 0
    assert "funnel, say" not in Path("other.yaml").read_text()


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
    assert _names(text) == names


def test_names_may_look_like_anything_in_a_search_file(here, typed):
    names = {"click": "yes", "buy": "2024-01-31", "size": "null", "color": "~ # {x}: 'y'"}
    FRAME.rename(columns=names).to_csv("other.csv", index=False)
    assert typed("init", "other.csv", "--tasks", "yes,2024-01-31", "--to", "mine.yaml")[0] == 0
    schema = load_dataset("mine.yaml").schema
    assert schema.task_names == ("yes", "2024-01-31")
    assert {column.name for column in (*schema.categories, *schema.numbers)} == {"null", "~ # {x}: 'y'", "price"}


@pytest.mark.parametrize("name", sorted(set(mn.presets()) - {"dupn", "home"}))  # which need histories and families
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
    found = pd.read_csv("deep/out.csv"), pd.read_csv("out.tsv", sep="\t"), pd.read_parquet("out.parquet")
    right = mn.load_model(model).predict(FRAME)
    for scores in found:
        pd.testing.assert_frame_equal(scores, right, rtol=1e-6)


def test_predict_keeps_columns_that_it_is_told_to(model, here, typed, refused):
    table = csv(id=range(300), **{"a, b": "x"})
    code, out, _ = typed("predict", model, table, "--to", "out.csv", "--keep", 'id,"a, b",id')
    assert (code, out) == (0, "wrote out.csv: 300 rows, columns id, a, b, click, buy\n")
    found = pd.read_csv("out.csv")
    assert found["id"].tolist() == list(range(300))
    pd.testing.assert_frame_equal(found[["click", "buy"]], mn.load_model(model).predict(FRAME), rtol=1e-6)
    command = ("predict", model, table, "--to", "none.csv", "--keep")
    assert refused(*command, "idd") == "--keep names 'idd', which is no column of the table; did you mean 'id'?"
    assert refused(*command, "id,buy") == ("--keep names 'buy', and a prediction has that name too; rename the column")
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
    found = refused("check", "rows", "--tasks", "click")
    assert found == (
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


@pytest.mark.slow
def test_a_search_on_an_encoded_folder_is_that_on_its_table(here, typed):
    tiny = {"design": {"levels": [{"shared": {"int": [1, 3]}, "expert": {"hidden": [8]}}]}, "training": {"passes": 1}}
    written(tiny, "own.yaml")
    typed("encode", "search.yaml", "--to", "rows")
    quick = ("--space", "own.yaml", "--trials", "2", "--presets", "none", "--cpus", "1")
    found = [
        typed("run", source, *quick, "--folder", folder) for source, folder in (("rows", "a"), ("search.yaml", "b"))
    ]
    assert [code for code, _, _ in found] == [0, 0]
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
        ({"trials": 8}, "8 trials, then 5 finalists and the best presets on 3 seeds: about "),
        ({"trainings": 6.5}, "6.5 full trainings, finalists included: about "),
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
