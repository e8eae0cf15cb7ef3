"""What the seven tables of synthetic-reasons plant, read from the tables themselves."""

import numpy as np
import pytest

from mtl_nas.data import builtin_names, load_dataset
from mtl_nas.data.builtin.synthetic_reasons import (
    REASONS,
    TEST,
    VALIDATION,
    attention,
    augmentation,
    bias,
    eavesdropping,
    negative_transfer,
    regularisation,
    seesaw,
)


def features(frame):
    return frame.filter(regex=r"^x\d+$").to_numpy(dtype=np.float64)


def correlations(frame, name):
    labels = frame.filter(regex=rf"^{name}\d+$").to_numpy(dtype=np.float64)
    return np.corrcoef(labels.T)[np.triu_indices(labels.shape[1], 1)]


def explained(frame, label, columns):
    """The share of a label's variance that a quadratic in some columns explains, on test rows."""
    x = features(frame)[:, columns]
    pairs = [x[:, one] * x[:, other] for one in range(x.shape[1]) for other in range(one, x.shape[1])]
    terms = np.column_stack([np.ones(len(x)), x, *pairs])
    values, test = frame[label].to_numpy(dtype=np.float64), (frame["split"] == "test").to_numpy()
    fitted = terms @ np.linalg.lstsq(terms[~test], values[~test], rcond=None)[0]
    return 1 - np.mean((values - fitted)[test] ** 2) / values[test].var()


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_a_data_set_that_is_always_the_same(reason):
    data = load_dataset(f"synthetic-reasons/{reason}")
    table, declaration = REASONS[reason]
    assert data.schema.task_names == tuple(declaration.tasks)
    assert (len(data.rows("validation")), len(data.rows("test"))) == (VALIDATION, TEST)
    assert not data.schema.categories
    assert {column.name for column in data.schema.numbers} == set(table().filter(regex=r"^x\d+$"))
    assert load_dataset(f"synthetic-reasons/{reason}").fingerprint == data.fingerprint


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_has_the_train_rows_and_the_seed_asked_for(reason):
    table, _ = REASONS[reason]
    one, other = table(train=300), table(train=300, seed=1)
    assert (one["split"] == "train").sum() == 300
    assert not np.allclose(features(one), features(other))
    assert np.allclose(features(one).mean(axis=0), 0, atol=0.06)


@pytest.mark.parametrize("reason", REASONS)
def test_rare_labels_are_rare_and_numbers_are_standardised(reason):
    table, declaration = REASONS[reason]
    frame, rates = table(), {"common": 0.40, "rare": 0.05 if reason == "negative-transfer" else 0.04}
    for name, task in declaration.tasks.items():
        present = frame[name].dropna()
        if task.kind == "binary":
            assert present.mean() == pytest.approx(rates[name.rstrip("0123456789")], abs=0.015)
        else:
            assert (present.mean(), present.std()) == pytest.approx((0, 1), abs=0.06)


def test_readings_share_a_quarter_of_their_variance():
    assert correlations(augmentation(), "reading") == pytest.approx(0.25, abs=0.03)
    assert correlations(augmentation(share=0.6), "reading") == pytest.approx(0.6, abs=0.03)


def test_four_columns_matter_to_the_main_task_and_to_its_helpers():
    frame = attention(train=6_000)
    for task in ("main", "helper1", "helper2", "helper3"):
        assert explained(frame, task, range(4)) > 0.05
        assert explained(frame, task, range(4, 20)) < 0.01
    assert np.abs(correlations(frame, "helper")).max() < 0.9


def test_the_hard_task_is_the_easy_one_times_a_column():
    frame = eavesdropping()
    product = frame["easy"] * frame["x1"]
    assert np.corrcoef(frame["hard"], product)[0, 1] == pytest.approx(np.sqrt(0.3), abs=0.05)
    assert abs(np.corrcoef(frame["hard"], frame["easy"])[0, 1]) < 0.05
    assert abs(np.corrcoef(frame["easy"], frame["x1"])[0, 1]) < 0.05


def test_the_new_task_has_few_train_labels_and_every_test_label():
    frame = bias()
    labels_by_split = frame["new"].notna().groupby(frame["split"]).sum()
    assert labels_by_split.to_dict() == {"train": 200, "validation": VALIDATION, "test": TEST}
    assert frame.filter(regex="^old").notna().all(axis=None)
    data = load_dataset("synthetic-reasons/bias", tasks=["new"])
    assert not {"old1", "old2", "old3", "old4"} & set(data.frame("test"))


def test_the_sites_lie_in_a_plane_of_the_columns():
    frame = regularisation(train=20_000)
    x = features(frame)
    slopes = np.linalg.lstsq(x, frame.filter(regex="^site").to_numpy(dtype=np.float64), rcond=None)[0]
    sizes = np.linalg.svd(slopes, compute_uv=False)
    assert sizes[1] > 10 * sizes[2]
    assert len(set(np.round(correlations(frame, "site"), 2))) > 10  # different tasks, unlike readings


def test_loud_tasks_have_nothing_to_do_with_the_rare_one():
    frame = negative_transfer(train=20_000)
    loud = frame.filter(regex="^loud")
    assert loud.shape[1] == 8
    # networks of 24 units share no unit, though any two of them lean on the same 20 columns
    assert np.abs(correlations(frame, "loud")).max() < 0.7


def test_the_seesaw_has_tasks_that_agree_and_one_that_does_not():
    frame = seesaw()
    agree = correlations(frame, "common")
    apart = frame.filter(regex="^common").corrwith(frame["rare"]).abs()
    assert agree.min() > 0.2
    assert apart.max() < agree.min() / 2


def test_relatedness_of_the_synthetic_tasks_has_names():
    names = [name for name in builtin_names() if name.startswith("synthetic-mmoe/")]
    assert names == ["synthetic-mmoe/1", "synthetic-mmoe/0.5", "synthetic-mmoe/0"]
    named = [load_dataset(name) for name in names]
    assert named[1].fingerprint == load_dataset("synthetic-mmoe").fingerprint
    correlations = [np.corrcoef(data.rows("train").labels.T)[0, 1] for data in named]
    assert correlations[0] > correlations[1] > correlations[2]
    assert correlations[0] > 0.9
