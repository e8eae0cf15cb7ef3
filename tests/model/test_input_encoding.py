"""What a network reads, on numbers small enough to check by hand."""

from statistics import NormalDist
from typing import get_args

import numpy as np
import pytest

from mtl_nas.blocks import NumberEncoding
from mtl_nas.composition import compose
from mtl_nas.data import Category, HistoryColumns, Number, Rows, Schema, Task
from mtl_nas.data.columns.histogram import histogram
from mtl_nas.data.columns.statistics import number_column
from mtl_nas.design import Design, Inputs
from mtl_nas.model import input_tensors
from mtl_nas.model.number_encodings import boundaries, knots

NAN = np.nan
CLICK = Task(name="click", kind="binary", classes=("0", "1"))


def fitted(*values: float, name: str = "x") -> Number:
    return number_column(name, np.array(values, dtype=np.float32))


def encoded(column: Number, values: list[float], encoding: str | list[str], buckets: int = 8) -> dict[str, np.ndarray]:
    return of([column], np.array(values)[:, None], encoding, buckets)


def of(columns: list[Number], values: np.ndarray, encoding: str | list[str], buckets: int = 8) -> dict[str, np.ndarray]:
    schema = Schema(numbers=tuple(columns), tasks=(CLICK,))
    none = np.zeros((len(values), 0), dtype=np.int32)
    rows = Rows(none, values.astype(np.float32), {}, np.zeros((len(values), 1), dtype=np.float32))
    inputs = Inputs(numbers=encoding, buckets=buckets)
    return arrays(rows, schema, Design(inputs=inputs))


def arrays(rows: Rows, schema: Schema, design: Design) -> dict[str, np.ndarray]:
    tensors = input_tensors(rows, schema, compose(design, schema))
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def flat(array: np.ndarray) -> list[float]:
    return array[:, 0].tolist()


def test_standard_numbers_are_centred_and_divided_by_their_deviation():
    tensors = encoded(fitted(1, 2, 3, 6), [1, 3, 100], "standard")
    assert set(tensors) == {"ids", "scalars"}
    assert tensors["ids"].shape == (3, 0)
    deviation = np.sqrt(3.5)
    np.testing.assert_allclose(flat(tensors["scalars"]), [-2 / deviation, 0, 97 / deviation], rtol=1e-6)


def test_a_missing_number_is_the_mean_and_has_a_flag_where_train_rows_lack_it():
    never, at_times = fitted(1, 3), fitted(1, 3, NAN, name="y")
    tensors = of([never, at_times], np.array([[NAN, NAN], [3, 3]]), "standard")
    np.testing.assert_allclose(tensors["scalars"], [[0, 0, 1], [1, 1, 0]])


def test_a_constant_number_stands_at_zero():
    tensors = encoded(fitted(5, 5, NAN), [5, 6, NAN], "standard")
    np.testing.assert_allclose(tensors["scalars"], [[0, 0], [1, 0], [0, 1]])
    ranks = encoded(fitted(5, 5, NAN), [5, NAN], "quantile")["scalars"]
    np.testing.assert_allclose(ranks, [[0, 0], [0, 1]], atol=1e-7)


def test_quantiles_are_normal_scores_of_the_rank():
    column = fitted(*range(257))
    actual = flat(encoded(column, [0, 64, 128, 192, 256], "quantile")["scalars"])
    inside = NormalDist().inv_cdf
    expected = [inside(1 / 1024), inside(0.25), 0, inside(0.75), inside(1 - 1 / 1024)]
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_quantiles_of_values_beyond_the_range_are_those_of_its_ends():
    column = fitted(*range(257))
    inside, beyond = encoded(column, [0, 256], "quantile"), encoded(column, [-1e6, 1e6], "quantile")
    np.testing.assert_array_equal(inside["scalars"], beyond["scalars"])


def test_ties_stand_in_the_middle_of_the_ranks_that_they_span():
    column = fitted(*[0] * 50, *range(1, 51))  # half of the rows are 0: ranks 0 to 1/2
    actual = flat(encoded(column, [0], "quantile")["scalars"])
    np.testing.assert_allclose(actual, NormalDist().inv_cdf(0.25), atol=0.02)
    top = fitted(*range(50), *[50] * 50)
    np.testing.assert_allclose(flat(encoded(top, [50], "quantile")["scalars"]), NormalDist().inv_cdf(0.75), atol=0.02)


def test_buckets_hold_equal_shares_of_the_train_rows():
    column = fitted(*range(800))
    rows = np.array(flat(encoded(column, list(range(800)), "bucket")["ids"]))
    assert sorted(set(rows)) == list(range(1, 9))
    assert (np.diff(rows) >= 0).all()
    assert np.abs(np.bincount(rows.astype(int))[1:] - 100).max() <= 2


def test_a_bucket_begins_at_its_quantile():
    column = fitted(*range(257))
    edges = knots(column, 8)
    np.testing.assert_array_equal(edges, np.arange(9) * 32)
    assert flat(encoded(column, [31.9, 32, 255, 256], "bucket")["ids"]) == [1, 2, 8, 8]


def test_row_0_of_a_number_is_for_missing_values_and_columns_have_rows_of_their_own():
    columns = [fitted(*range(257)), fitted(*range(257), NAN, name="y")]
    tensors = of(columns, np.array([[NAN, NAN], [0, 0], [300, -4]]), "bucket")["ids"]
    assert tensors.tolist() == [[0, 9], [1, 10], [8, 10]]


@pytest.mark.parametrize("distinct", [(0.0, 0.5), (0.0, 0.5, 3.5), tuple(float(x) for x in range(8))])
def test_few_distinct_values_have_a_bucket_each(distinct):
    column = fitted(*np.repeat(distinct, 100))
    assert len(boundaries(column, 8)) < 8
    actual = flat(encoded(column, list(distinct), "bucket")["ids"])
    assert len(set(actual)) == len(distinct)
    assert actual == sorted(actual)


def test_rare_values_keep_buckets_where_one_value_is_most_of_the_rows():
    column = fitted(*[0] * 900, *range(1, 101))
    tensors = encoded(column, [0, 30, 60, 100], "bucket", buckets=16)["ids"]
    assert len(set(flat(tensors))) == 4


def test_piecewise_numbers_lie_between_two_knots():
    column = fitted(*range(257))  # knots 0, 32, ... 256
    tensors = encoded(column, [0, 8, 32, 48, 256, NAN], "piecewise")
    assert flat(tensors["ids"]) == [1, 1, 2, 2, 8, 0]
    np.testing.assert_allclose(flat(tensors["fractions"]), [0, 0.25, 0, 0.5, 1, 0])


def test_piecewise_numbers_beyond_the_range_stay_at_its_ends():
    column = fitted(*range(257))
    tensors = encoded(column, [-5, 1e9], "piecewise")
    assert flat(tensors["ids"]) == [1, 8]
    assert flat(tensors["fractions"]) == [0, 1]


def test_piecewise_numbers_with_few_distinct_values_have_a_knot_each():
    tensors = encoded(fitted(*np.repeat([0.0, 10.0], 128), 0.0), [0, 5, 10], "piecewise")
    knot = np.array(flat(tensors["ids"])) + np.array(flat(tensors["fractions"]))
    assert knot[0] == 1
    assert (np.diff(knot) > 0).all()


def test_a_constant_number_has_one_knot():
    tensors = encoded(fitted(5, 5, NAN), [5, NAN], "piecewise")
    assert (flat(tensors["ids"]), flat(tensors["fractions"])) == ([1, 0], [0, 0])
    assert flat(encoded(fitted(5, 5, NAN), [5, 7, NAN], "bucket")["ids"]) == [1, 1, 0]


@pytest.mark.parametrize("encoding", get_args(NumberEncoding))
def test_ids_fit_the_table_for_any_value(encoding):
    columns = [fitted(*range(100), NAN), fitted(1, 1, 1, 2, name="y"), fitted(3, 3, NAN, name="z")]
    values = np.array([[-1e30, 1e30, NAN], [1e30, -1e30, 3], [NAN, NAN, 4]])
    columns = [column.model_copy(update={"thresholds": (1.5, 0.5)}) for column in columns]
    schema = Schema(numbers=tuple(columns), tasks=(CLICK,))
    block = compose(Design(inputs=Inputs(numbers=encoding, buckets=8)), schema).nodes[0].block
    tensors = of(columns, values, encoding)
    ids = tensors["ids"]
    assert ids.shape[1] == (3 if block.tabled else 0)
    upper = 1 if encoding in ("piecewise", "target") else 0
    assert not ids.size or (ids.min() >= 0 and ids.max() + upper < block.table_rows)
    assert all(np.isfinite(array).all() for array in tensors.values())


def test_robust_numbers_are_interquartile_ranges_from_the_median_clipped_at_three():
    column = fitted(*range(257))  # quartiles 64, 128, 192
    actual = flat(encoded(column, [128, 256, 128 + 3 * 128, -1e12, NAN], "robust")["scalars"])
    np.testing.assert_allclose(actual, [0, 1 / np.sqrt(1 + 1 / 9), 3 / np.sqrt(2), -3, 0], rtol=1e-6)


def test_where_half_of_the_rows_are_equal_half_of_the_range_is_the_unit_of_robust_numbers():
    column = fitted(*[0] * 900, *range(1, 101))
    np.testing.assert_allclose(flat(encoded(column, [0, 50], "robust")["scalars"]), [0, 1 / np.sqrt(1 + 1 / 9)])


def test_knots_of_target_are_the_first_thresholds_and_the_ends_of_the_range():
    column = fitted(*range(257)).model_copy(update={"thresholds": (100.0, 20.0, *range(130, 170))})
    tensors = encoded(column, [0, 20, 60, 100, 256], "target", buckets=8)
    assert flat(tensors["ids"]) == [1, 2, 2, 3, 8]
    np.testing.assert_allclose(flat(tensors["fractions"]), [0, 0, 0.5, 0, 1])


def test_encodings_of_a_column_stand_side_by_side_one_row_then_two_then_waves_then_scalars():
    columns = [fitted(*range(257), NAN).model_copy(update={"thresholds": (128.0,)}), fitted(*range(257), name="y")]
    values = np.array([[0, 0], [64, 256], [NAN, 128]], dtype=np.float32)
    tensors = of(columns, values, ["target", "periodic", "bucket"])
    rows = tensors["ids"] - [0, 9, 18, 28]
    assert rows.tolist() == [[1, 1, 1, 1], [3, 8, 1, 1], [0, 5, 0, 1]]
    np.testing.assert_allclose(tensors["fractions"], [[0, 0], [0.5, 1], [0, 0.5]])
    np.testing.assert_allclose(tensors["waves"][:, 0], [-1 / np.sqrt(1 + 1 / 9), -0.5 / np.sqrt(1 + 1 / 36), 0])
    assert tensors["scalars"].tolist() == [[0], [0], [1]], "a flag, as waves of a missing value are those of the median"


def test_a_histogram_gives_recurring_values_rows_that_buckets_do_not():
    values = np.concatenate([np.zeros(9000), np.repeat(np.arange(1.0, 101.0), 5)]).astype(np.float32)
    column = fitted(*values).model_copy(update={"histogram": histogram(values.astype(np.float64))})
    rows = {name: set(flat(encoded(column, values, name, 128)["ids"])) for name in ("bucket", "histogram")}
    assert (len(rows["bucket"]) < 20, len(rows["histogram"])) == (True, 101)


def test_categories_and_numbers_share_one_table_of_rows():
    schema = Schema(
        categories=(Category(name="a", levels=("p", "q")), Category(name="b", levels=("r", None))),
        numbers=(fitted(*range(257)),),
        tasks=(CLICK,),
    )
    ids = np.array([[0, 1], [2, 2]], dtype=np.int32)
    rows = Rows(ids, np.array([[NAN], [256]], dtype=np.float32), {}, np.zeros((2, 1), dtype=np.float32))
    tensors = arrays(rows, schema, Design(inputs=Inputs(buckets=8)))
    assert tensors["ids"].tolist() == [[0, 3 + 1, 6], [2, 3 + 2, 6 + 8]]


def test_sequences_pass_as_they_are():
    items = HistoryColumns(name="seen", columns=(Category(name="seen", levels=("a", "b")),), length=3)
    schema = Schema(sequences=(items,), tasks=(CLICK,))
    ids = np.array([[[2, 3, 0]], [[0, 0, 0]]], dtype=np.int32)
    none = np.zeros((2, 0), dtype=np.int32)
    rows = Rows(none, none.astype(np.float32), {"seen": ids}, np.zeros((2, 1), dtype=np.float32))
    tensors = arrays(rows, schema, Design())
    assert set(tensors) == {"sequence/seen"}
    np.testing.assert_array_equal(tensors["sequence/seen"], ids)


COLUMNS = {
    "normal": np.random.default_rng(0).normal(size=400),
    "skewed": np.random.default_rng(1).exponential(size=400) ** 3,
    "ties": np.random.default_rng(2).poisson(1.0, size=400),
    "constant": np.full(400, 5.0),
    "tiny": np.random.default_rng(3).normal(size=400) * 1e-12,
}


def numpy_scores(values: np.ndarray, column: Number) -> np.ndarray:
    """Normal scores of mid-ranks, by ``numpy.interp``."""
    quantiles = np.asarray(column.quantiles)
    ranks = np.linspace(0.0, 1.0, len(quantiles))
    above, below = np.interp(values, quantiles, ranks), -np.interp(-values, -quantiles[::-1], -ranks[::-1])
    grid = np.linspace(1 / 1024, 1 - 1 / 1024, 1023)
    return np.interp((above + below) / 2, grid, [NormalDist().inv_cdf(float(rank)) for rank in grid])


@pytest.mark.parametrize("name", COLUMNS)
def test_encodings_are_those_of_numpy_bit_by_bit(name):
    values = COLUMNS[name].astype(np.float32)
    column = number_column(name, values[:300])
    exact = np.concatenate([values, values[:9] * 3, [column.quantiles[0], column.quantiles[-1]]]).astype(np.float32)
    bucket = 1 + np.searchsorted(boundaries(column, 8), exact, side="right")
    np.testing.assert_array_equal(flat(encoded(column, exact, "bucket")["ids"]), bucket)
    edges, double = knots(column, 8), exact.astype(np.float64)
    lower = np.clip(np.searchsorted(edges, double, side="right") - 1, 0, max(len(edges) - 2, 0))
    width = np.diff(edges, append=edges[-1])[lower]
    share = np.clip((double - edges[lower]) / np.where(width > 0, width, 1.0), 0.0, 1.0).astype(np.float32)
    tensors = encoded(column, exact, "piecewise")
    np.testing.assert_array_equal(flat(tensors["ids"]), 1 + lower)
    np.testing.assert_array_equal(tensors["fractions"][:, 0], share)
    scores = numpy_scores(double, column).astype(np.float32)
    np.testing.assert_array_equal(encoded(column, exact, "quantile")["scalars"][:, 0], scores)
    standard = ((double - column.mean) / (column.deviation or 1.0)).astype(np.float32)
    np.testing.assert_array_equal(encoded(column, exact, "standard")["scalars"][:, 0], standard)
