import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import Task, encode_rows, load_dataset
from mtl_nas.data.tasks.funnel import likely_funnel, repair, repair_notes
from mtl_nas.errors import DataError

NAMES, PAIRS = ("click", "buy"), [("click", "buy")]
RANDOM = np.random.RandomState(0)
CLICK = RANDOM.randint(0, 2, 600)
FRAME = pd.DataFrame(
    {
        "x": RANDOM.standard_normal(600),
        "shop": np.resize(["a", "b", "c"], 600),
        "click": CLICK,
        "buy": CLICK * RANDOM.randint(0, 2, 600),
        "spent": RANDOM.uniform(1, 9, 600),
        "stars": RANDOM.randint(1, 6, 600),
    }
)


def nested(labels, names, pairs, rule):
    """Repaired labels, the rows to keep, and notes."""
    repaired = repair(labels, names, pairs)
    notes = repair_notes(repaired.repairs, pairs, len(labels), rule)
    return repaired.labels, repaired.sound, notes


def labels(broken, rows=1000):
    values = np.zeros((rows, 2))
    values[: rows // 2, 0] = 1
    values[rows - broken :, 1] = 1
    return values


def test_few_violations_are_repaired_and_told():
    repaired, sound, notes = nested(labels(10), NAMES, PAIRS, None)
    assert not repaired[:, 1].any()
    assert sound.sum() == 990
    assert notes == ["task 'buy' is 1 where 'click' is 0 in 1 % of the rows: 'buy' becomes 0 there"]


def test_many_violations_are_refused_unless_a_rule_decides():
    with pytest.raises(DataError, match=r"in 1.1 % of the rows; 1 % is repaired: mend the labels, or say violations"):
        nested(labels(11), NAMES, PAIRS, None)
    assert not nested(labels(300), NAMES, PAIRS, "repair")[0][:, 1].any()
    assert nested(labels(300), NAMES, PAIRS, "drop")[1].sum() == 700
    with pytest.raises(DataError, match="no row may be"):
        nested(labels(1), NAMES, PAIRS, "refuse")


def likely(labels, *tasks):
    return likely_funnel(np.array(labels, dtype=float).T, [Task(name=name, kind=kind) for name, kind in tasks])


def binary(*names):
    return [(name, "binary") for name in names]


def test_nested_labels_look_like_a_funnel_and_the_rarest_earlier_event_is_the_nearest():
    see, click, buy = np.arange(100) < 60, np.arange(100) < 30, np.arange(100) < 10
    assert likely([see, click, buy], *binary("see", "click", "buy")) == {"click": "see", "buy": "click"}
    assert likely([buy, click], *binary("buy", "click")) == {}  # in the order that is declared
    amounts = [("see", "regression"), ("click", "binary")]
    assert likely([see, click], *amounts) == {}


def test_a_funnel_may_be_broken_in_one_row_of_a_hundred():
    click, buy = np.arange(1000) < 500, np.arange(1000) < 200
    assert likely([click, buy | (np.arange(1000) >= 990)], *binary("click", "buy")) == {"buy": "click"}
    assert likely([click, buy | (np.arange(1000) >= 989)], *binary("click", "buy")) == {}


def test_rare_events_are_nested_by_chance():
    click, rare = np.arange(1000) % 2 == 0, np.arange(1000) < 6
    assert likely([click, rare], *binary("click", "rare")) == {}


def test_labels_that_are_missing_where_the_earlier_event_is_not_may_be_a_funnel():
    click = np.arange(100) < 50
    assert likely([click, np.where(click, np.arange(100) % 3 == 0, np.nan)], *binary("click", "buy")) == {
        "buy": "click"
    }
    assert likely([np.where(click, click, np.nan), np.where(click, np.nan, 1)], *binary("a", "b")) == {}


def test_repairs_run_down_the_funnel():
    chain = np.array([[0.0, 1.0, 1.0]] + [[1.0, 1.0, 1.0]] * 199)
    repaired, _, _ = nested(chain, ("a", "b", "c"), [("a", "b"), ("b", "c")], None)
    assert repaired[0].tolist() == [0, 0, 0]


def test_a_missing_later_label_is_0_where_the_earlier_one_is():
    repaired, _, notes = nested(np.array([[0, np.nan], [1, np.nan], [1, 1]]), NAMES, PAIRS, None)
    assert np.array_equal(repaired[:, 1], [0, np.nan, 1], equal_nan=True)
    assert "no label in 1 rows where 'click' is 0: it is 0 there" in notes[0]


def test_a_sample_space_masks_labels():
    tasks = {"click": {}, "buy": {"after": "click"}, "spent": {"where": "buy"}, "stars": {"kind": "multiclass"}}
    data = load_dataset(FRAME, tasks)
    rows = data.rows("train")
    assert np.array_equal(np.isnan(rows.labels[:, 2]), rows.labels[:, 1] != 1)
    task = data.schema.task("spent")
    spent = rows.labels[~np.isnan(rows.labels[:, 2]), 2]
    assert task.center == pytest.approx(spent.mean(), rel=1e-5)
    assert task.scale == pytest.approx(spent.std(), rel=1e-5)
    assert data.schema.task("stars").classes == ("1", "2", "3", "4", "5")
    assert np.array_equal(
        encode_rows(data.frame("test"), data.schema, labels=True).labels, data.rows("test").labels, equal_nan=True
    )


def test_missing_labels_stay_missing():
    frame = FRAME.astype({"click": float})
    frame.loc[::4, "click"] = np.nan
    data = load_dataset(frame[["x", "shop", "click", "stars"]], ["click", "stars"])
    assert 0.2 < np.isnan(data.rows("train").labels[:, 0]).mean() < 0.3
    assert data.frame("train")["click"].isna().mean() == np.isnan(data.rows("train").labels[:, 0]).mean()


def test_every_group_of_rows_is_a_task():
    data = load_dataset(FRAME[["x", "shop", "click", "buy"]], {"click": {}, "buy": {"after": "click"}}, group="shop")
    assert data.schema.task_names == ("click@a", "buy@a", "click@b", "buy@b", "click@c", "buy@c")
    assert data.schema.task("buy@b").after == "click@b"
    assert data.schema.task("buy@b").family == "b"
    assert not data.schema.categories
    assert ((~np.isnan(data.rows("train").labels)).sum(axis=1) == 2).all()


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ({"stars": {}, "spent": {"where": "stars"}}, "'spent' is where 'stars', which is multiclass"),
        ({"click": {}, "spent": {"after": "click"}}, "'spent' is regression and after 'click'; say where: click"),
        ({"buy": {"after": "click"}, "click": {}}, "'buy' is after 'click', which is no earlier task"),
        (
            {"click": {"kind": "binary", "loss": "mae"}},
            "loss mae is for regression tasks, got kind binary; binary: bce",
        ),
        ({"click": {"kind": "bnary"}}, "tasks.click.kind: no task kind 'bnary'; did you mean 'binary'"),
        ({"click": {"loss": "hinge"}}, "tasks.click.loss: no loss 'hinge'.*; losses: bce, focal"),
        ({"spent": {"loss": "quantile", "quantile": 1}}, "tasks.spent.quantile: input should be less than 1, got 1"),
        ({"spent": {"loss": "quantile", "quantile": 0}}, "quantile: input should be greater than 0, got 0"),
        ({"spent": {"quantile": 0.9}}, "quantile is chosen with loss: quantile, got loss None"),
        ({"stars": {"kind": "ordinal", "loss": "bce"}}, "loss bce is for binary tasks, got kind ordinal"),
        ({"stars": {"kind": "multiclass", "order": [1, 2]}}, "order is chosen for ordinal tasks only, got kind multic"),
        ({"stars": {"order": [1, 2, 3, 2, 4, 5]}}, "order names each class once, got '2' twice"),
        ({"stars": {"order": [5, 4, 3, 2]}}, "task 'stars': order names 5, 4, 3, 2, but a label is '1'; name it too"),
        ({"shop": {"kind": "ordinal"}}, r"'shop' is ordinal, but its labels are words: a, b, c; say order: \[lowest"),
        ({"click": {"kind": "ordinal"}}, "task 'click' is ordinal, but has 2 classes; say kind: binary"),
        (
            {"x": {"kind": "count"}},
            r"task 'x': row 1 holds 0\.\d+, but a count is a whole number from 0: mend the label",
        ),
        (
            {"x": {"kind": "regression", "loss": "ziln"}},
            "task 'x': row .* holds -.*, but an amount under loss ziln is 0",
        ),
        ({"click": {"kindd": "binary"}}, "unknown key.*did you mean 'kind'"),
    ],
)
def test_tasks_that_contradict_each_other_are_refused(tasks, words):
    with pytest.raises(DataError, match=words):
        load_dataset(FRAME, tasks)


def test_a_split_without_positives_is_refused():
    frame = pd.DataFrame({"x": RANDOM.standard_normal(100), "t": range(100), "y": [1] * 10 + [0] * 90})
    with pytest.raises(DataError, match="task 'y' has no positive in the validation split"):
        load_dataset(frame, ["y"], split={"time": "t"})
