"""Numbers and labels that single precision cannot tell apart count from an origin."""

import numpy as np
import pandas as pd
import pytest

import mtl_nas as mn
from mtl_nas.data import encode_rows

SECONDS = 1.7e9


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    late = SECONDS + np.arange(400) * 7.0 % 3000
    return pd.DataFrame({"x": x, "at": late, "seconds": SECONDS + 60 * x + 30 * random.normal(size=400)})


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame) -> mn.Dataset:
    return mn.load_dataset(frame, {"seconds": {"kind": "regression"}})


def test_every_value_of_a_narrow_range_is_kept(data: mn.Dataset, frame: pd.DataFrame) -> None:
    rows = data.raw.parts["train"]
    numbers = data.rows("train").numbers[:, [column.name for column in data.schema.numbers].index("at")]
    assert len(np.unique(numbers)) == frame["at"].iloc[rows].nunique()
    assert len(np.unique(data.rows("train").labels)) == frame["seconds"].iloc[rows].nunique()
    assert data.schema.task("seconds").origin == frame["seconds"].min()


def test_labels_and_predictions_are_in_the_unit_of_the_table(data: mn.Dataset, frame: pd.DataFrame) -> None:
    rows = data.raw.parts["test"]
    np.testing.assert_allclose(data.frame("test")["seconds"], frame["seconds"].iloc[rows], atol=1e-4)
    design = mn.preset("shared_bottom", data.schema, hidden=(8,), tower=())
    result = mn.evaluate(design, data, mn.Training(epochs=40, learning_rate=1e-2), split="test")
    predicted = result.model.predict(frame.iloc[rows])["seconds"].to_numpy()
    np.testing.assert_allclose(result.predictions["seconds"], predicted, atol=1e-4)
    raw = frame["seconds"].iloc[rows].to_numpy()
    explained = 1 - ((predicted - raw) ** 2).sum() / ((raw - raw.mean()) ** 2).sum()
    assert result.scores["seconds"]["r2"] == pytest.approx(explained, abs=1e-4)
    assert explained > 0.5


def test_encoding_again_gives_the_same_rows(data: mn.Dataset) -> None:
    again = encode_rows(data.frame("train"), data.schema, labels=True)
    assert np.array_equal(again.numbers, data.rows("train").numbers)
    np.testing.assert_allclose(again.labels, data.rows("train").labels, atol=1e-4)


def test_wide_ranges_count_from_zero() -> None:
    frame = pd.DataFrame({"x": np.arange(50.0), "pay": np.linspace(1e9, 3e9, 50), "y": [0, 1] * 25})
    schema = mn.load_dataset(frame, ["y"]).schema
    assert [column.origin for column in schema.numbers] == [0.0, 0.0]
