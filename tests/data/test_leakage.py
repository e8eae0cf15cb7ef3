import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import load_dataset
from mtl_nas.errors import DataError

RANDOM = np.random.RandomState(0)
Y = RANDOM.randint(0, 2, 2000)
Z = RANDOM.standard_normal(2000)
STARS = RANDOM.choice(["good", "fair", "poor"], 2000)
FRAME = pd.DataFrame({"x": RANDOM.standard_normal(2000), "y": Y, "z": Z, "stars": STARS})


@pytest.mark.parametrize(
    ("column", "task"),
    [
        (Y * 2.5 - 7 + 1e-3 * Z, "y"),
        (np.where(Y == 1, "bought", "left"), "y"),
        (1e6 + 100 * Z + RANDOM.standard_normal(2000), "z"),
        (np.where(Y == 1, Z, np.nan), "y"),
        (np.char.add("very ", STARS), "stars"),
        (np.char.add(np.where(Y == 1, "s", "f"), (np.arange(2000) % 7).astype(str)), "y"),
    ],
    ids=["number", "text", "regression", "missing where 0", "multiclass", "levels of one label"],
)
def test_a_feature_that_gives_a_label_away_is_refused(column, task):
    with pytest.raises(DataError, match=rf"column 'leak' gives away the label of task '{task}' .*ignore: \['leak'\]"):
        load_dataset(FRAME.assign(leak=column), ["y", "z", "stars"])
    load_dataset(FRAME.assign(leak=column), ["y", "z", "stars"], ignore=["leak"])


def test_a_good_feature_is_no_leak():
    load_dataset(FRAME.assign(good=Y + 0.3 * Z, also=np.where(RANDOM.uniform(size=2000) < 0.02, 1 - Y, Y)), ["y", "z"])


def test_an_id_column_is_no_leak_but_noted():
    data = load_dataset(FRAME.assign(name=[f"row {place}" for place in range(2000)]), ["y"])
    assert any("column 'name' has 1600 levels in 1600 train rows" in note for note in data.notes)


def test_whole_numbers_named_like_an_id_are_noted():
    data = load_dataset(FRAME.assign(user_id=np.arange(2000) % 700), ["y"])
    assert "column 'user_id' is read as a number: say category, or ignore it, if it is an id" in data.notes
