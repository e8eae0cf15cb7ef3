"""Search files and spaces that a user gets wrong: one line that says where, and exit code 2."""

from pathlib import Path

import numpy as np
import pytest
from shop import FRAME, TREE, changed, csv, written

from mtl_nas.data import load_dataset

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
            "no sampler 'tpee'; samplers: auto, evolution, local, nsga2, random, tpe; did you mean 'tpe'?; "
            "a sampler of your own is passed to search(..., sampler=...), also to continue",
        ),
        (
            TREE | {"data": {"table": "shop.csv", "splt": {}}},
            "search.yaml: unknown key 'data.splt'; did you mean 'split'?",
        ),
        (TREE | {"data": {"table": "shopp.csv"}}, "no table '"),
        (
            TREE | {"tasks": {"click": {"kind": "binry"}}},
            "search.yaml: tasks.click.kind: no task kind 'binry'; did you mean 'binary'?; "
            "kinds: binary, count, multiclass, ordinal, regression",
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


def test_a_key_that_stands_twice_is_refused_with_its_line(here, refused):
    text = "data: {table: shop.csv}\ntasks:\n  click: {kind: binary}\n  buy: {}\n  click: {kind: regression}\n"
    message = "search.yaml: not YAML: line 5: the key 'click' stands twice, first in line 3; a key stands once"
    assert refused("check", written(text)) == message


@pytest.mark.parametrize(("word", "positive"), [("no", "no"), ("yes", "yes"), ("'no'", "no")])
def test_a_label_yes_or_no_is_a_word(here, word, positive):
    csv(answer=np.where(FRAME["click"] == 1, "yes", "no"))
    tree = f"data: {{table: other.csv, ignore: [click, buy]}}\ntasks: {{answer: {{positive: {word}}}}}\n"
    assert load_dataset(written(tree)).schema.tasks[0].classes[1] == positive


@pytest.mark.parametrize("word", ["1", "false", "maybe"])
def test_a_positive_label_that_no_row_has_is_refused(here, refused, word):
    csv(answer=np.where(FRAME["click"] == 1, "yes", "no"))
    tree = f"data: {{table: other.csv, ignore: [click, buy]}}\ntasks: {{answer: {{positive: {word}}}}}\n"
    line = refused("check", written(tree))
    assert line.startswith("task 'answer': the positive label is '")
    assert line.endswith("', but the labels are no and yes")


@pytest.mark.parametrize(
    ("labels", "word", "positive"),
    [((1, 2), "1", "1"), ((0, 1), "0.0", "0"), ((0.5, 1.5), "0.50", "0.5"), ((True, False), "false", "False")],
)
def test_a_positive_label_may_be_a_number_or_a_boolean(here, labels, word, positive):
    csv(answer=np.where(FRAME["click"] == 1, *labels))
    tree = f"data: {{table: other.csv, ignore: [click, buy]}}\ntasks: {{answer: {{positive: {word}}}}}\n"
    assert load_dataset(written(tree)).schema.tasks[0].classes[1] == positive


def test_an_order_of_yes_and_no_is_read_as_words(here):
    csv(answer=np.array(["no", "maybe", "yes"])[np.arange(len(FRAME)) % 3])
    tree = "data: {table: other.csv}\ntasks: {answer: {kind: ordinal, order: [no, maybe, yes]}}\n"
    assert load_dataset(written(tree)).schema.tasks[0].classes == ("no", "maybe", "yes")


def test_columns_and_tasks_may_be_named_by_numbers(here):
    frame = FRAME.rename(columns={"size": 508, "click": 1, "buy": 2, "price": 3})
    frame.to_csv("other.csv", index=False)
    tree = "data: {table: other.csv, ignore: [508], columns: {3: number}}\ntasks: {1: {}, 2: {after: 1}}\n"
    of_file = load_dataset(written(tree))
    of_frame = load_dataset(frame, {1: {}, np.int64(2): {"after": 1}}, ignore=[508], columns={3: "number"})
    for data in (of_file, of_frame):
        assert data.schema.task_names == ("1", "2")
        assert [column.name for column in (*data.schema.categories, *data.schema.numbers)] == ["color", "3"]
    assert load_dataset(frame, [1, 2]).schema.task_names == ("1", "2")


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
    line = refused("run", "search.yaml", "--space", "everythin")
    assert line.startswith("no search space 'everythin'; built in: ")
    assert line.endswith("or give a .yaml file; did you mean 'everything'?")
