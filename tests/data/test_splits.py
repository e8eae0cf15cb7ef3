import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_nas.data import Split, load_dataset
from mtl_nas.data.splits import Parts, split_rows
from mtl_nas.data.stratification import LabelCombinations
from mtl_nas.errors import DataError

TABLE = pd.DataFrame(
    {
        "user": np.arange(1000) % 37,
        "time": np.random.RandomState(0).permutation(1000) // 10,
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.random.RandomState(0).permutation(1000) // 10, "D"),
        "part": np.resize(["train", "train", "validation", "test"], 1000),
    }
)
RULES = [{}, {"time": "time"}, {"time": "day"}, {"group": "user"}, {"column": "part"}, {"validation": 0.3, "test": 0.2}]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_row_has_one_part_and_the_same_one_always(rule):
    first, second = split_rows(TABLE, Split(**rule), 0), split_rows(TABLE, Split(**rule), 0)
    assert sorted(np.concatenate(list(first.values()))) == list(range(1000))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_shares_are_kept():
    sizes = {name: len(rows) for name, rows in split_rows(TABLE, Split(validation=0.3, test=0.2), 0).items()}
    assert sizes == {"train": 500, "tuning": 150, "choosing": 150, "test": 200}


@pytest.mark.parametrize("column", ["time", "day"])
def test_time_goes_forward_and_ties_stay_on_one_side(column):
    parts = split_rows(TABLE, Split(time=column), 0)
    validation = np.concatenate([parts["tuning"], parts["choosing"]])
    times = TABLE[column]
    assert times[parts["train"]].max() < times[validation].min()
    assert times[validation].max() < times[parts["test"]].min()
    assert len(validation) == 100


def test_times_may_be_text():
    table = TABLE.assign(day=TABLE["day"].dt.strftime("%Y-%m-%d"))
    for name, rows in split_rows(TABLE, Split(time="day"), 0).items():
        assert np.array_equal(rows, split_rows(table, Split(time="day"), 0)[name])


def test_groups_stay_together_also_in_the_halves():
    parts = split_rows(TABLE, Split(group="user"), 0)
    users = [set(TABLE["user"][rows]) for rows in parts.values()]
    assert all(users)
    assert len(set.union(*users)) == sum(map(len, users))


def test_rows_from_a_file_of_their_own_are_the_test_rows():
    parts = split_rows(TABLE, Split(test="held.csv"), 300)
    assert parts["test"].tolist() == list(range(700, 1000))
    assert len(parts["tuning"]) + len(parts["choosing"]) == 70


def test_a_split_that_cannot_be_says_why():
    for rule, table, words in [
        (
            {"time": "time"},
            TABLE.assign(time=1),
            "100% of the rows have the time 1 in column 'time', and equal times stay together, which leaves 0 rows for",
        ),
        ({"time": "part"}, TABLE, "orders the split, but row 1 holds no time such as 2024-01-31: 'train'"),
        ({"time": "time"}, TABLE.assign(time=np.where(TABLE.index < 3, np.nan, 1.0)), "missing in 3 rows"),
        ({"column": "part"}, TABLE.assign(part="dev"), "train, validation or test, got 'dev'"),
        ({"column": "part"}, TABLE.assign(part="train"), "the validation split has 0"),
        ({"group": "user"}, TABLE.assign(user=None), "missing in 1000 rows"),
        ({}, TABLE[:5], "each split needs two at least"),
    ]:
        with pytest.raises(DataError, match=words):
            split_rows(table, Split(**rule), 0)


def test_one_rule_decides():
    with pytest.raises(ValueError, match="one rule decides a split, got time and group"):
        Split(time="a", group="b")
    with pytest.raises(ValueError, match="leave rows to train"):
        Split(validation=0.5, test=0.5)
    assert Split.model_validate("random") == Split()


# Stratified splits


def stratified(labels: np.ndarray, split: Split, rules: pd.DataFrame | None = None, test_rows: int = 0) -> Parts:
    combinations = LabelCombinations(len(labels), [True] * labels.shape[1])
    combinations.add(labels)
    rules = pd.DataFrame(index=range(len(labels))) if rules is None else rules
    return split_rows(rules, split, test_rows, combinations.combinations())


@st.composite
def label_tables(draw: st.DrawFn) -> np.ndarray:
    """Labels of up to four tasks with 2 or 3 classes, some rare, some missing."""
    rows, seed = draw(st.integers(40, 400)), draw(st.integers(0, 2**31))
    rates = draw(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=4))
    random = np.random.RandomState(seed)
    labels = np.stack([random.choice(3, rows, p=[1 - rate, rate * 0.8, rate * 0.2]) for rate in rates], axis=1)
    return np.where(random.uniform(size=labels.shape) < draw(st.sampled_from([0, 0.5])), np.nan, labels.astype(float))


@given(label_tables(), st.sampled_from([(0.1, 0.1), (0.2, 0.3), (0.3, 0.05)]))
def test_every_part_has_its_rows_and_every_label_of_four_rows(labels: np.ndarray, shares: tuple[float, float]) -> None:
    validation, test = shares
    parts = stratified(labels, Split(validation=validation, test=test))
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(labels)))
    needed = 3 * labels.shape[1]  # rows of a small part that hold every label
    assert len(parts["test"]) == pytest.approx(test * len(labels), abs=needed)
    assert len(parts["tuning"]) + len(parts["choosing"]) == pytest.approx(validation * len(labels), abs=2 * needed)
    for task in labels.T:
        for label in np.unique(task[~np.isnan(task)]):
            if (task == label).sum() >= 4:
                assert all((task[rows] == label).any() for rows in parts.values())


@given(st.integers(0, 10_000), st.integers(5, 60))
def test_rates_of_labels_are_those_of_the_table(seed: int, positives: int) -> None:
    random = np.random.RandomState(seed)
    labels = np.zeros((1000, 2))
    for task in range(2):
        labels[random.choice(1000, positives * (task + 1), replace=False), task] = 1
    parts = stratified(labels, Split(validation=0.2, test=0.2))
    for name, share in {"train": 0.6, "tuning": 0.1, "choosing": 0.1, "test": 0.2}.items():
        assert labels[parts[name]].sum(axis=0) == pytest.approx(share * labels.sum(axis=0), abs=2)


@given(label_tables(), st.integers(8, 60))
def test_stratified_groups_stay_together(labels: np.ndarray, groups: int) -> None:
    users = np.random.RandomState(0).randint(0, groups, len(labels))
    users[:groups] = np.arange(groups)[: len(labels)]
    parts = stratified(labels, Split(group="user", validation=0.3, test=0.2), pd.DataFrame({"user": users}))
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(labels)))
    members = [set(users[rows]) for rows in parts.values()]
    assert len(set.union(*members)) == sum(map(len, members))


def test_halves_of_a_named_validation_split_share_its_positives() -> None:
    labels = np.zeros((1000, 1))
    validation = np.flatnonzero(TABLE["part"] == "validation")
    labels[validation[:4]] = 1
    parts = stratified(labels, Split(column="part"), TABLE)
    assert [labels[parts[half]].sum() for half in ("tuning", "choosing")] == [2, 2]


def test_a_file_of_test_rows_leaves_train_and_validation_to_draw() -> None:
    labels = np.zeros((1000, 1))
    labels[:3] = 1
    parts = stratified(labels, Split(test="held.csv"), test_rows=300)
    assert parts["test"].tolist() == list(range(700, 1000))
    assert {name: labels[rows].sum() for name, rows in parts.items()} == {
        "train": 1,
        "tuning": 1,
        "choosing": 1,
        "test": 0,
    }


def rare(positives: int) -> pd.DataFrame:
    random = np.random.RandomState(positives)
    frame = pd.DataFrame({"x": random.normal(size=1000), "y": 0})
    frame.loc[random.choice(1000, positives, replace=False), "y"] = 1
    return frame


def test_four_positives_load_and_fewer_are_refused_with_their_number() -> None:
    assert [load_dataset(rare(4), ["y"]).rows(part).labels.sum() for part in ("tuning", "choosing", "test")] == [1] * 3
    notes = load_dataset(rare(3), ["y"]).notes
    assert "task 'y' has no positive in the tuning rows: it does not steer the search" in notes
    words = "no positive in the validation split and 2 in all; 4 are enough to train, tune, choose and test"
    with pytest.raises(DataError, match=words):
        load_dataset(rare(2), ["y"])


def test_a_split_that_is_not_stratified_is_the_one_of_0_1_0() -> None:
    frame = rare(100)
    rows = load_dataset(frame, ["y"], split={"stratified": False}).raw.parts["test"]
    order = np.random.RandomState(0).permutation(1000)
    assert np.array_equal(rows, np.sort(order[900:]))


def test_a_declaration_says_whether_it_is_stratified() -> None:
    for stratified in (True, False):
        data = load_dataset(rare(100), ["y"], split={"stratified": stratified})
        assert data.declaration.tree()["data"]["split"] == {"stratified": stratified}


# Parts that miss their shares


def test_a_time_that_most_rows_have_is_named() -> None:
    frame = rare(300).assign(day=[*range(450), *[450] * 550])
    words = "55% of the rows have the time 450 in column 'day', and equal times stay together, which leaves 0 rows for"
    with pytest.raises(DataError, match=words):
        load_dataset(frame, ["y"], split={"time": "day"})
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], "D")
    with pytest.raises(DataError, match="55% of the rows have the time 2025-03-26 in column 'day'"):
        load_dataset(frame.assign(day=dates), ["y"], split={"time": "day"})


def test_a_note_says_which_part_missed_its_share() -> None:
    frame = rare(300).assign(day=[*range(700), *[700] * 300])
    notes = load_dataset(frame, ["y"], split={"time": "day", "validation": 0.3}).notes
    assert (
        "the test split has 30% of the rows, not 10%: 30% of the rows have the time 700 in column 'day', and equal "
        "times stay together"
    ) in notes
    assert not [note for note in load_dataset(frame, ["y"], split={"time": "x"}).notes if "split has" in note]
    users = rare(300).assign(user=np.repeat([0, 1, 2, 3, 4], 200))
    notes = load_dataset(users, ["y"], split={"group": "user"}).notes
    assert any("rows of one 'user' stay together" in note for note in notes)
