"""Fewer negatives in training: which rows stay, and probabilities that are those of all rows again."""

import math

import numpy as np
import pytest
import torch
from fit_fixtures import table
from members import advance
from numpy_reference import schema_of

from mtl_nas.architecture import Head
from mtl_nas.composition import compose, funnel_root
from mtl_nas.data import Schema, Task, load_dataset
from mtl_nas.design import Design, Losses, Training
from mtl_nas.errors import DesignError
from mtl_nas.model.negative_correction import corrected
from mtl_nas.training import FitData, Member
from mtl_nas.training.negative_sampling import kept_rows
from mtl_nas.training.objective import Objective

FUNNEL = schema_of("click", "buy<click", "pay<buy")
NAN = math.nan


def labels(rows: int = 4000) -> np.ndarray:
    random = np.random.default_rng(0)
    click = random.random(rows) < 0.1
    buy = click & (random.random(rows) < 0.3)
    drawn = np.stack([click, buy, buy & (random.random(rows) < 0.5)], axis=1).astype(np.float32)
    drawn[::50, 0] = NAN
    return drawn


def test_all_but_negatives_of_the_first_event_are_kept():
    drawn = labels()
    indices = kept_rows(drawn, FUNNEL, 0.25, seed=0)
    assert np.array_equal(indices, np.unique(indices))
    negative = drawn[:, 0] == 0
    assert set(np.flatnonzero(~negative)) <= set(indices)
    assert negative[indices].sum() / negative.sum() == pytest.approx(0.25, abs=0.02)


def test_the_kept_rows_follow_the_seed_and_a_share_of_one_keeps_all():
    drawn = labels()
    first, again, other = (kept_rows(drawn, FUNNEL, 0.25, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(kept_rows(drawn, FUNNEL, 1.0, seed=0)) == len(drawn)


def heads(share: float) -> list[Head]:
    return [
        Head(task="click", node="a", kind="binary", negatives=share),
        Head(task="buy", node="b", kind="binary", negatives=share),
        Head(task="buy", node="c", kind="binary", given="click", negatives=share),
        Head(task="pay", node="d", kind="binary", negatives=share),
    ]


def test_corrected_probabilities_are_those_of_all_rows():
    """Rates among the kept rows, taken back, are the rates among all rows; conditional ones never moved."""
    drawn = labels(200_000)
    drawn = drawn[~np.isnan(drawn[:, 0])]
    sampled = drawn[kept_rows(drawn, FUNNEL, 0.2, seed=3)]

    def rates(rows: np.ndarray) -> dict[str, torch.Tensor]:
        click, buy, pay = rows.mean(axis=0, dtype=np.float64)
        given = {"click": click, "buy": buy, "buy|click": buy / click, "pay": pay}
        return {name: torch.tensor([rate]) for name, rate in given.items()}

    truth, seen = rates(drawn), rates(sampled)
    assert seen["click"].item() > 2 * truth["click"].item()
    mended = corrected(seen, heads(0.2), FUNNEL)
    assert list(mended) == list(seen)
    for name, rate in truth.items():
        assert mended[name].item() == pytest.approx(rate.item(), rel=0.02)
    assert mended["buy|click"] is seen["buy|click"]


def test_for_the_first_event_the_correction_is_a_shift_of_the_logit():
    logits = torch.linspace(-20, 20, 41, dtype=torch.float64)
    names = ("click", "buy", "buy|click", "pay")
    actual = corrected(dict.fromkeys(names, torch.sigmoid(logits)), heads(0.1), FUNNEL)
    torch.testing.assert_close(actual["click"], torch.sigmoid(logits + math.log(0.1)), rtol=1e-7, atol=0.0)
    assert ((actual["buy"] > 0) & (actual["buy"] < 1)).all()


def test_order_along_the_funnel_survives_the_correction():
    probabilities = {"click": 0.9, "buy": 0.5, "buy|click": 0.6, "pay": 0.1}
    actual = corrected(
        {name: torch.tensor([probability]) for name, probability in probabilities.items()}, heads(0.3), FUNNEL
    )
    assert actual["click"] > actual["buy"] > actual["pay"]
    assert (actual["buy"] / actual["click"]).item() == pytest.approx(0.5 / 0.9)


def test_without_left_out_rows_nothing_is_corrected():
    probabilities = {name: torch.rand(5) for name in ("click", "buy", "buy|click", "pay")}
    actual = corrected(probabilities, heads(1.0), FUNNEL)
    assert all(actual[name] is probabilities[name] for name in probabilities)


def kinds(*tasks: Task) -> Schema:
    return FUNNEL.model_copy(update={"tasks": tasks})


REFUSED = [
    (schema_of("click", "buy<click", "like"), "one first event that all tasks follow, got click, like; declare"),
    (kinds(Task(name="price", kind="regression")), "a binary first event, got 'price', which is regression"),
]


@pytest.mark.parametrize(("schema", "message"), REFUSED)
def test_tasks_that_are_no_funnel_are_refused_in_one_line(schema, message):
    with pytest.raises(DesignError, match=f"^losses.negatives needs {message}") as caught:
        funnel_root(schema)
    assert "\n" not in str(caught.value)


def test_a_fit_trains_on_the_kept_rows_in_every_epoch():
    funnel = table().drop(columns=["stars", "price"])
    data = load_dataset(funnel, {"click": None, "buy": {"after": "click"}})
    train = data.rows("train")
    sizes = []
    for share in (1.0, 0.5):
        losses = Losses(negatives=share)
        architecture = compose(Design(losses=losses), data.schema)
        member = Member(architecture, losses, Training(epochs=2), FitData.of(data))
        advance(member)
        assert member.rows == 2 * member.train_rows
        assert member.batches.targets.labels[:, 0].sum().item() == (train.labels[:, 0] == 1).sum()
        sizes.append(member.train_rows)
    negative = (train.labels[:, 0] == 0).sum()
    assert sizes[0] == len(train)
    assert sizes[1] == pytest.approx(len(train) - negative / 2, abs=0.1 * negative)


def test_heads_that_correct_for_another_share_are_refused():
    architecture = compose(Design(losses=Losses(negatives=0.5)), FUNNEL)
    with pytest.raises(
        DesignError, match=r"^losses.negatives is 1, but the head of 'click' corrects for 0\.5; compose"
    ):
        Objective(Losses(), architecture, FUNNEL)
