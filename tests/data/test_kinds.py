"""What every task kind promises; a new kind is tested by being registered."""

import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import KINDS, Task, encode_rows, load_dataset
from mtl_nas.data.tasks.kinds.regression import Regression
from mtl_nas.errors import DataError
from mtl_nas.scoring import score_task, task_influence

RANDOM = np.random.RandomState(0)
CASES = [(name, loss) for name, kind in KINDS.items() for loss in kind.losses]


def labels(kind: str, rows: int = 400) -> np.ndarray:
    whole = RANDOM.randint(0, 2 if KINDS[kind].is_event else 4, rows)
    return whole.astype(float) if KINDS[kind].has_classes or kind == "count" else whole * RANDOM.lognormal(size=rows)


def table(kind: str) -> pd.DataFrame:
    return pd.DataFrame({"x": RANDOM.standard_normal(400), "y": labels(kind)})


@pytest.mark.parametrize(("kind", "loss"), CASES)
def test_labels_are_read_scaled_shown_and_read_again(kind, loss):
    frame = table(kind)
    data = load_dataset(frame, {"y": {"kind": kind, "loss": loss}})
    task, rows = data.schema.tasks[0], data.rows("train")
    assert np.array_equal(
        np.sort(rows.labels[:, 0]), np.sort(frame["y"].iloc[data.raw.parts["train"]].astype(np.float32))
    )
    assert np.array_equal(encode_rows(data.frame("train"), data.schema, labels=True).labels, rows.labels)
    assert task.scale > 0
    assert (task.center, task.scale) == (0, 1) or not task.rules.has_classes
    assert any(note.startswith(f"task 'y': {kind}, ") for note in data.notes)


@pytest.mark.parametrize(("kind", "loss"), CASES)
def test_the_main_metric_is_one_of_the_scores_and_that_of_the_influence(kind, loss):
    label = labels(kind)
    rules = KINDS[kind]
    names = ("0", "1") if rules.is_event else ("0", "1", "2", "3")
    task = Task(name="y", kind=kind, loss=loss, classes=names if rules.has_classes else ())
    width = len(task.columns)
    perfect = np.eye(width)[label.astype(int)] if width > 1 else label
    for predictions in (perfect, np.abs(perfect + RANDOM.uniform(0, 0.2, perfect.shape))):
        score = score_task(task, predictions, label)[task.main_metric]
        influence = task_influence(task, predictions, label)
        assert influence is not None
        assert influence.score == pytest.approx(score, abs=1e-12)
        assert influence.psi.shape == label.shape
        assert score <= 1
    assert score_task(task, perfect, label)[task.main_metric] == pytest.approx(1, abs=1e-6)
    assert task.outputs >= 1
    assert set(score_task(task, perfect, np.full(400, np.nan)).values()) == {None}


def test_a_kind_and_a_loss_belong_to_one_another():
    losses = [loss for kind in KINDS.values() for loss in kind.losses]
    assert len(set(losses)) == len(losses)
    assert all(kind.name == name for name, kind in KINDS.items())
    for kind in KINDS:
        assert Task(name="y", kind=kind).loss == KINDS[kind].losses[0]


def test_a_kind_is_added_by_its_registration_alone(monkeypatch):
    class Duration(Regression):
        name = "duration"
        losses = ("seconds",)
        option = None

        def possible(self, labels, task):
            return ~(labels < 0), "a duration is 0 or more"

        def scaling(self, task, mean, deviation):
            return {"scale": mean}

    monkeypatch.setitem(KINDS, "duration", Duration())
    frame = table("regression")
    task = load_dataset(frame, {"y": {"kind": "duration"}}).schema.tasks[0]
    assert (task.loss, task.center, task.main_metric) == ("seconds", 0, "r2")
    with pytest.raises(DataError, match=r"row 8 holds -1, but a duration is 0 or more"):
        load_dataset(frame.assign(y=frame["y"].where(frame.index != 7, -1)), {"y": {"kind": "duration"}})
