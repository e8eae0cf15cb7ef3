import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import KINDS, Declaration, infer
from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.parsing.frames import raw_table
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.tasks.labels import infer_kind
from mtl_nas.errors import DataError

FRAME = pd.DataFrame({"age": range(30), "sex": ["f", "m"] * 15, "when": range(30), "buy": [0, 1, 1] * 10})


def column(values) -> RawColumn:
    return raw_table(pd.DataFrame({"x": values}))["x"]


def declared(**tree):
    return Declaration.model_validate({"tasks": {"buy": {}}, **tree})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b", None], "category"),
        ([True, False, True], "category"),
        (pd.Categorical([1.5, 2.5, 1.5]), "category"),
        (range(20), "category"),
        (range(21), "number"),
        ([0.0, 1.0, None], "category"),
        ([0.5, 1.0, 2.0], "number"),
        (pd.to_datetime(["2024-01-01", "2024-02-01"]), "number"),
        ([[1, 2], None, []], "sequence"),
        ([np.array([1]), np.array([2])], "sequence"),
        (["[1, 2]", "[]"], "sequence"),
        (pd.array([1, None, 2], dtype="Int64"), "category"),
        (pd.Series([1.25, None, 3], dtype=object), "number"),
    ],
)
def test_the_kind_of_a_column_follows_from_its_values(values, kind):
    profile = ColumnProfile("x")
    profile.add(column(values))
    assert profile.kind == kind


def test_a_column_without_a_value_is_refused_with_the_way_out():
    with pytest.raises(DataError, match=r"column 'x' has no value in any row; ignore it \(ignore: \['x'\]\)"):
        infer(FRAME.assign(x=np.nan), declared())


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 1], "binary"),
        ([0.0, np.nan, 1.0], "binary"),
        (["no", "yes"], "binary"),
        ([3.5, 1.25], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([1, 2, 3, 4, 5], "multiclass"),
        (range(21), "regression"),
        ([-1, 0, 1], "regression"),
        ([0.5, 1.5, 2.5], "regression"),
        ([str(value) for value in range(200)], "regression"),
    ],
)
def test_the_kind_of_a_task_follows_from_its_labels(values, kind):
    assert infer_kind(column(values), "t") == kind


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([1, 0], ("0", "1")),
        ([True, False], ("False", "True")),
        (["yes", "no"], ("no", "yes")),
        (["Yes", "No"], ("No", "Yes")),
        (["y", "n"], ("n", "y")),
        (["apple", "pear"], ("apple", "pear")),
        ([2, 10], ("2", "10")),
        ([1, -1], ("-1", "1")),
    ],
)
def test_the_positive_one_of_two_values(values, classes):
    assert KINDS["binary"].classes(column(values), "t") == classes


def test_the_positive_value_may_be_named():
    assert KINDS["binary"].classes(column(["a", "b"]), "t", "a") == ("b", "a")
    with pytest.raises(DataError, match="the positive label is 'c', but the labels are a and b"):
        KINDS["binary"].classes(column(["a", "b"]), "t", "c")


def test_labels_that_make_no_task_are_refused():
    numbers = [str(value) for value in range(40)]
    for values, words in [
        ([1, 1], "task 't' has one class: every label is '1'"),
        ([None, None], "no label in any row"),
        ([*numbers, "unknown"], "row 41 holds 'unknown'"),
        ([f"name {value}" for value in range(101)], "101 different texts as labels"),
    ]:
        with pytest.raises(DataError, match=words):
            infer(
                pd.DataFrame({"x": range(len(values)), "t": values}), Declaration.model_validate({"tasks": {"t": {}}})
            )
    with pytest.raises(DataError, match="binary, but its labels have 3 values: 1, 2, 3"):
        KINDS["binary"].classes(column([1, 2, 3]), "t")


def test_inference_completes_a_declaration_and_keeps_what_is_said():
    completed = infer(FRAME, declared(data={"columns": {"sex": "category"}, "split": {"time": "when"}}))
    assert completed.data.columns == {"age": "number", "sex": "category"}
    assert completed.tasks["buy"].kind == "binary"
    assert infer(FRAME, completed) == completed


def test_a_split_column_is_a_feature_only_where_it_is_declared():
    completed = infer(FRAME, declared(data={"columns": {"when": "number"}, "split": {"time": "when"}}))
    assert "when" in completed.data.columns


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (
            {"tasks": {"bye": {}}},
            "task 'bye' is labelled by 'bye', which is no column of the table; did you mean 'buy'",
        ),
        ({"tasks": {}}, "no task is declared; name the label columns, .*, among: age, sex"),
        ({"data": {"ignore": ["agee"]}}, "ignore names 'agee'.*did you mean 'age'"),
        ({"data": {"columns": {"buy": "number"}}}, "column 'buy' is the label of task 'buy'"),
        ({"data": {"split": {"time": "wen"}}}, "the split is decided by 'wen'.*did you mean 'when'"),
        ({"sequences": {"h": {"items": "hist"}}}, "sequence 'h' reads 'hist'"),
        ({"tasks": {"sex": {"column": "buy"}}}, "task 'sex' is labelled by 'buy', but 'sex' is a feature"),
        ({"data": {"ignore": ["age", "sex", "when"]}}, "no column is left"),
        (
            {"tasks": {"buy": {"loss": "mae"}}},
            "task 'buy': loss mae is for regression tasks, got kind binary; .*; or say the kind",
        ),
        ({"data": {"weight": "wait"}}, "rows are weighed by 'wait', which is no column of the table"),
    ],
)
def test_a_declaration_that_does_not_fit_the_table_is_refused(tree, words):
    with pytest.raises(DataError, match=words):
        infer(FRAME, declared(**tree))
