import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import Split
from mtl_nas.data.splits import split_rows
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
        ({"time": "time"}, TABLE.assign(time=1), "the train split has 0 of 1000 rows"),
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
