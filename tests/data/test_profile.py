"""The profile of a table: what its columns look like, and what a search file could say about them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import encode_table, load_dataset, profile_lines, report_on_table, suggestion_lines
from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.parsing.frames import raw_table
from mtl_nas.yaml_text import load_yaml

ROWS = 1200
RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal(ROWS).round(3)
CLICK = (X + RANDOM.logistic(size=ROWS) > 0).astype(int)
BUY = CLICK * (RANDOM.uniform(size=ROWS) < 0.5)
PRICE = RANDOM.lognormal(3, 0.5, ROWS).round(2)
DAYS = pd.date_range("2023-01-01", periods=700)
DATES = DAYS[RANDOM.randint(0, 700, ROWS)]
FRAME = pd.DataFrame({"x": X, "color": RANDOM.choice(["red", "green", "blue"], ROWS), "click": CLICK})


def profile(tasks=("click",), **columns):
    return load_dataset(FRAME.assign(**columns), list(tasks)).profile


def suggested(profiled):
    return load_yaml("\n".join(suggestion_lines(profiled.suggestions))) or {}


COLUMNS = {
    "row number": (np.arange(ROWS), "row number", {"data": {"ignore": ["c"]}}),
    "row number from 1": (np.arange(ROWS) + 1, "row number", {"data": {"ignore": ["c"]}}),
    "text id": ([f"row {row}" for row in range(ROWS)], "id", {"data": {"ignore": ["c"]}}),
    "large id": (RANDOM.permutation(ROWS) + 10**15, "id", {"data": {"ignore": ["c"]}}),
    "hashed group": (RANDOM.randint(0, 200, ROWS) * 7919 + 10**15, "id", {"data": {"columns": {"c": "category"}}}),
    "split": (
        RANDOM.choice(["train", "validation", "test"], ROWS, p=[0.8, 0.1, 0.1]),
        "split",
        {"data": {"split": {"column": "c"}}},
    ),
    "parts of a split": (RANDOM.choice(["train", "test"], ROWS), "split", {"data": {"ignore": ["c"]}}),
    "time": (DATES, "time", {"data": {"split": {"time": "c"}}}),
    "seconds": (1_700_000_000 + RANDOM.randint(0, 10**6, ROWS), "time", {"data": {"split": {"time": "c"}}}),
    "milliseconds": (1_700_000_000_000 + RANDOM.randint(0, 10**9, ROWS), "time", {"data": {"split": {"time": "c"}}}),
    "days as numbers": (DATES.strftime("%Y%m%d").astype(int), "time", {"data": {"split": {"time": "c"}}}),
    "European dates": (DATES.strftime("%d/%m/%Y"), "text", {"data": {"ignore": ["c"]}}),
    "American dates": (DATES.strftime("%m/%d/%y"), "text", {"data": {"ignore": ["c"]}}),
    "decimal commas": ([f"{price:.2f} €".replace(".", ",") for price in PRICE], "text", {"data": {"ignore": ["c"]}}),
    "lone -1": (
        np.where(RANDOM.uniform(size=ROWS) < 0.2, -1, RANDOM.randint(0, 90, ROWS)),
        "missing mark",
        {"data": {"missing": {"c": [-1]}}},
    ),
    "another label": (BUY, "label", {"data": {"ignore": ["c"]}}),
    "an amount of another label": (np.where(BUY == 1, PRICE, np.nan), "label", {"data": {"ignore": ["c"]}}),
    "an amount that is 0": (np.where(BUY == 1, PRICE, 0.0), "label", {"data": {"ignore": ["c"]}}),
    "an earlier label": (np.maximum(CLICK, RANDOM.randint(0, 2, ROWS)), "label", {"data": {"ignore": ["c"]}}),
    "nearly the label": (CLICK + 0.15 * RANDOM.standard_normal(ROWS), "label", {"data": {"ignore": ["c"]}}),
}


@pytest.mark.parametrize(("values", "look", "suggestion"), COLUMNS.values(), ids=COLUMNS)
def test_an_odd_column_gets_a_remark_and_a_suggestion(values, look, suggestion):
    profiled = profile(c=values)
    assert [remark.look for remark in profiled.column("c").remarks] == [look]
    assert suggested(profiled) == suggestion


@pytest.mark.parametrize("look", ["row number", "another label", "lone -1"])
def test_what_a_search_should_not_read_without_a_word_is_a_note(look):
    data = load_dataset(FRAME.assign(c=COLUMNS[look][0]), ["click"])
    assert any(note.startswith("column 'c' is ") for note in data.notes)


@pytest.mark.parametrize(
    "values",
    [
        RANDOM.permutation(ROWS),
        RANDOM.choice(["a", "b"], ROWS),
        PRICE,
        RANDOM.randint(-1, 40, ROWS) - 1,
        [f"{hour:02}:15" for hour in RANDOM.randint(0, 24, ROWS)],
        RANDOM.poisson(1, ROWS),
        np.where(RANDOM.uniform(size=ROWS) < 0.3, np.nan, PRICE),
    ],
    ids=["ranks", "two words", "amounts", "two negative numbers", "times of day", "counts", "gaps at random"],
)
def test_an_ordinary_column_gets_none(values):
    profiled = profile(value=values)
    assert profiled.column("value").remarks == ()
    assert suggested(profiled) == {}


def test_a_user_whose_rows_repeat_suggests_a_split_by_user():
    profiled = profile(user_id=RANDOM.randint(0, 300, ROWS))
    assert profiled.column("user_id").remarks[0].look == "group"
    assert suggested(profiled) == {"data": {"split": {"group": "user_id"}}}


def test_one_rule_of_a_split_is_suggested_and_none_where_one_is_declared():
    frame = FRAME.assign(user_id=RANDOM.randint(0, 300, ROWS), day=DATES)
    assert suggested(load_dataset(frame, ["click"]).profile) == {"data": {"split": {"time": "day"}}}
    assert suggested(load_dataset(frame, ["click"], split={"group": "user_id"}).profile) == {}


TASKS = {
    "where": ({"spent": np.where(BUY == 1, PRICE, np.nan)}, {"spent": {"kind": "regression", "where": "buy"}}),
    "tweedie": ({"spent": np.where(BUY == 1, PRICE, 0.0)}, {"spent": {"kind": "regression", "loss": "tweedie"}}),
    "count": ({"visits": RANDOM.poisson(3, ROWS)}, {"visits": {"kind": "count"}}),
    "many counts": ({"visits": RANDOM.geometric(0.02, ROWS)}, {"visits": {"kind": "count"}}),
    "ranks": ({"stars": RANDOM.randint(1, 6, ROWS)}, {"stars": {"kind": "ordinal"}}),
    "grades": ({"grade": RANDOM.binomial(18, 0.5, ROWS)}, {"grade": {"kind": "regression"}}),
    "words": (
        {"level": RANDOM.choice(["Low", "Medium", "High"], ROWS)},
        {"level": {"kind": "ordinal", "order": ["Low", "Medium", "High"]}},
    ),
    "rare": ({"rare": (np.arange(ROWS) % 300 == 7) * 1}, {}),
    "amounts": ({"amount": PRICE}, {}),
    "words without an order": ({"kind": RANDOM.choice(["cat", "dog", "bird"], ROWS)}, {}),
}


@pytest.mark.parametrize(("columns", "tasks"), TASKS.values(), ids=TASKS)
def test_labels_suggest_what_to_declare(columns, tasks):
    profiled = profile(("click", "buy", *columns), buy=BUY, **columns)
    assert suggested(profiled) == {"tasks": {"buy": {"kind": "binary", "after": "click"}, **tasks}}


def test_a_label_of_minus_one_may_be_no_label():
    labels = np.where(RANDOM.uniform(size=ROWS) < 0.3, -1, CLICK)
    profiled = profile(("click",), click=labels)
    assert suggested(profiled)["data"] == {"missing": {"click": [-1]}}
    assert load_dataset(FRAME.assign(click=labels), ["click"], missing=[-1]).schema.tasks[0].kind == "binary"


def test_rare_labels_are_not_nested_by_chance():
    early, late = RANDOM.uniform(size=ROWS) < 0.9, np.isin(np.arange(ROWS), RANDOM.permutation(ROWS)[:20])
    profiled = profile(("early", "late"), early=early * 1, late=(late & early) * 1)
    assert "tasks" not in suggested(profiled)


def test_lists_of_equal_lengths_become_one_history():
    lengths = RANDOM.randint(0, 5, ROWS)
    lists = {name: [[f"{name}{k}" for k in range(length)] for length in lengths] for name in ("item", "kind", "shop")}
    other = [["z"] * length for length in RANDOM.randint(0, 5, ROWS)]
    profiled = profile(**lists, other=other)
    assert suggested(profiled) == {"sequences": {"item": {"items": "item", "properties": ["kind", "shop"]}}}
    declared = load_dataset(FRAME.assign(**lists), ["click"], sequences=suggested(profiled)["sequences"])
    assert [len(part.columns) for part in declared.schema.sequences] == [3]


def test_money_as_text_is_a_number():
    data = load_dataset(FRAME.assign(paid=[f"${price:,.2f}" for price in PRICE]), ["click", "paid"])
    assert data.schema.task("paid").kind == "regression"
    few = load_dataset(FRAME.assign(paid=[f"${k % 40}.50" for k in range(ROWS)]), ["click", "paid"])
    assert few.schema.task("paid").kind == "regression"


def test_facts_of_columns():
    frame = FRAME.assign(gaps=np.where(np.arange(ROWS) % 4 == 0, np.nan, X), day=DATES, left=1)
    profiled = load_dataset(frame, ["click"], ignore=["left"]).profile
    color, gaps, click = profiled.column("color"), profiled.column("gaps"), profiled.column("click")
    assert (color.use, color.levels, len(color.examples)) == ("category", 3, 3)
    assert (gaps.use, gaps.missing) == ("number", 0.25)
    assert (click.use, click.levels) == ("label", 2)
    assert profiled.column("left").use == "ignored"
    assert profiled.rows == ROWS


def test_a_declared_column_has_facts_too():
    data = load_dataset(FRAME.assign(c=np.arange(ROWS)), ["click"], columns={"c": "number", "color": "category"})
    assert data.profile.column("color").levels == 3
    assert data.profile.column("c").remarks[0].look == "row number"


def test_lines_fit_a_console_and_a_wide_table_is_summarised():
    wide = pd.DataFrame(RANDOM.standard_normal((200, 3000)), columns=[f"column number {k}" for k in range(3000)])
    wide = wide.assign(click=RANDOM.randint(0, 2, 200), last=np.arange(200))
    lines = profile_lines(load_dataset(wide, ["click"]).profile)
    assert len(lines) < 40
    assert max(map(len, lines)) <= 80
    assert lines[3].startswith("last ")  # the odd one first
    assert any(line.startswith("and 3,000 more, read as number: ") for line in lines)
    for name in COLUMNS:
        assert max(map(len, profile_lines(profile(c=COLUMNS[name][0])))) <= 80, name


def test_a_profile_depends_on_no_batch_and_an_encoded_folder_keeps_it(tmp_path):
    frame = FRAME.assign(c=COLUMNS["lone -1"][0], user_id=RANDOM.randint(0, 300, ROWS))
    frame.to_csv(tmp_path / "t.csv", index=False)
    whole = load_dataset(tmp_path / "t.csv", ["click"]).profile
    assert encode_table(tmp_path / "t.csv", tmp_path / "encoded", ["click"]).profile == whole
    raw = raw_table(frame)
    for name in ("c", "user_id", "x", "color"):
        at_once, in_parts = ColumnProfile(name), ColumnProfile(name)
        at_once.add(raw[name])
        for start in range(0, ROWS, 97):
            in_parts.add(raw[name].take(slice(start, start + 97)))
        assert in_parts.distinct.count == at_once.distinct.count
        assert in_parts.distinct.sample == at_once.distinct.sample
        assert in_parts.numbers.only_negative == at_once.numbers.only_negative


def test_a_refused_table_has_a_report(tmp_path):
    FRAME.head(12).assign(empty=np.nan).to_csv(tmp_path / "t.csv", index=False)
    report = report_on_table(str(tmp_path / "t.csv"), ["click"])
    assert report.problem is None or "split" in report.problem
    assert report.declaration.data.ignore == ("empty",)
    assert report.profile.column("x").use == "number"
    assert Path(report.declaration.data.table or "").name == "t.csv"
