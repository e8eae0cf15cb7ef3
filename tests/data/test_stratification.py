"""Label combinations: what they tell apart, and that they depend on the rows alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_nas.data.stratification import Combinations, LabelCombinations, combinations, draw_groups, draw_rows

SIZES, PRIORITY = [800, 50, 50, 100], [0, 3, 2, 1]


def combined(labels: np.ndarray, classes: bool = True, batches: int = 1) -> Combinations:
    gathered = LabelCombinations(len(labels), [classes] * labels.shape[1])
    for batch in np.array_split(labels, batches):
        gathered.add(batch)
    return gathered.combinations()


def test_rows_of_one_number_have_the_same_labels() -> None:
    labels = np.array([[0, 1], [1, 1], [0, np.nan], [0, 1], [np.nan, np.nan]])
    numbers = combined(labels).of_row
    assert numbers[0] == numbers[3]
    assert len(set(numbers.tolist())) == 4


def test_numbers_are_zero_or_in_a_quartile_or_missing() -> None:
    labels = np.array([np.nan, 0, 0, *range(1, 41)])[:, None]
    numbers = combined(labels, classes=False).of_row
    assert np.bincount(numbers).tolist() == [1, 2, 10, 10, 10, 10]


@pytest.mark.parametrize("batches", [2, 7, 100])
def test_batches_do_not_matter_even_where_combinations_are_merged(
    monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    monkeypatch.setattr(combinations, "STRETCH", 64)
    monkeypatch.setattr(combinations, "MOST_COMBINATIONS", 20)
    random = np.random.RandomState(0)
    labels = (random.uniform(size=(1000, 6)) < 0.4).astype(float)
    labels[[5, 300, 301, 999], 0] = 7  # a rare class
    whole, parts = combined(labels), combined(labels, batches=batches)
    assert np.array_equal(whole.of_row, parts.of_row)
    assert np.array_equal(whole.values, parts.values)
    assert 1 < len(whole.values) <= 20


def test_a_rare_label_is_told_apart_where_combinations_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combinations, "MOST_COMBINATIONS", 20)
    random = np.random.RandomState(0)
    labels = (random.uniform(size=(1000, 6)) < 0.4).astype(float)
    rare = [5, 300, 301, 999]
    labels[rare, 0] = 7
    part = draw_rows(combined(labels), SIZES, PRIORITY)
    assert sorted(part[rare]) == [0, 1, 2, 3]
    assert np.bincount(part).tolist() == SIZES


def test_many_groups_are_drawn_by_profile() -> None:
    random = np.random.RandomState(0)
    groups, labels = random.randint(0, 6000, 40_000), (random.uniform(size=(40_000, 2)) < 0.2).astype(float)
    part = draw_groups(groups, combined(labels), [32_000, 2000, 2000, 4000], PRIORITY)
    first_part = np.full(6000, -1)
    first_part[groups] = part
    assert np.array_equal(first_part[groups], part)
    shares = np.bincount(part) / len(part)
    assert shares == pytest.approx([0.8, 0.05, 0.05, 0.1], abs=0.005)
    rates = [labels[part == index].mean(axis=0) for index in range(4)]
    assert np.ptp(rates, axis=0).max() < 0.03


@given(st.integers(0, 10_000), st.integers(4, 30))
def test_few_groups_balance_labels_better_than_chance(seed: int, positives: int) -> None:
    random = np.random.RandomState(seed)
    groups, labels = random.randint(0, 150, 1000), np.zeros((1000, 1))
    carriers = random.choice(150, positives, replace=False)
    labels[np.isin(groups, carriers), 0] = 1
    part = draw_groups(groups, combined(labels), SIZES, PRIORITY)
    assert set(part[labels[:, 0] == 1]) == {0, 1, 2, 3}
    assert all(len(set(part[groups == group])) <= 1 for group in range(150))
