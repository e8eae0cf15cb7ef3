"""Several fits as one: every member comes to what it comes to alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from study_fixtures import core, facts, request, run, trained
from torch.testing import assert_close

import mtl_nas as mn
from mtl_nas.design import Losses, Proposal, Training
from mtl_nas.record.facts import Chosen, Finalist
from mtl_nas.study.jobs import Answer, Job
from mtl_nas.study.worker import work
from mtl_nas.training import Fit
from mtl_nas.training.fit import Check, DivergedError
from mtl_nas.training.fused import advance_together, fusible

ROWS = 300


def table() -> mn.Dataset:
    draw = np.random.default_rng(0)
    place, number = draw.integers(0, 6, ROWS), draw.normal(size=ROWS)
    click = (draw.random(ROWS) < 1 / (1 + np.exp(2 - place - number))).astype(float)
    click[:20] = np.nan
    history = [list(map(str, draw.integers(0, 5, draw.integers(0, 4)))) for _ in range(ROWS)]
    frame = pd.DataFrame({"place": place.astype(str), "number": number, "history": history, "click": click})
    frame["price"] = number + place + draw.normal(size=ROWS)
    return mn.load_dataset(
        frame,
        tasks={"click": {"kind": "binary"}, "price": {"kind": "regression"}},
        sequences={"history": {"items": "history"}},
        columns={"place": "category", "number": "number"},
    )


DATA = table()


def design(**parts: object) -> mn.Design:
    tree = {
        "inputs": {"embedding": 4, "numbers": "piecewise", "buckets": 8},
        "levels": [{"shared": 3, "specific": 1, "expert": {"hidden": [6], "norm": "batch"}}],
        "transfers": {"links": "chain"},
        "tower": {"hidden": [4]},
    }
    return mn.Design.model_validate({**tree, **parts})


def fit(made: mn.Design, losses: Losses | None = None, **training: object) -> Fit:
    asked = Training.model_validate(
        {"passes": 3, "batch_size": 32, "learning_rate": 0.01, "precision": "float64", **training}
    )
    graph = mn.compose(made, DATA.schema)
    return Fit(graph, losses or made.losses, asked, DATA.schema, DATA.rows("train"), DATA.rows("tuning"))


MEMBERS = (
    {"seed": 0},
    {"seed": 1, "weight_decay": 0.5},
    {"seed": 2, "learning_rate": 0.002, "schedule": "linear"},
)


@pytest.mark.parametrize("losses", [Losses(), Losses(weighting="uncertainty", weights={"price": 0.3})])
def test_each_member_comes_to_what_it_comes_to_alone(losses: Losses) -> None:
    together = [fit(design(), losses, **member) for member in MEMBERS]
    assert fusible(together)
    found = advance_together(together)
    for member, one, best in zip(MEMBERS, together, found, strict=True):
        alone = fit(design(), losses, **member)
        assert isinstance(best, Check)
        assert_close(best.score, alone.advance().score, rtol=0, atol=1e-9)
        assert [check.step for check in one.checks] == [check.step for check in alone.checks]
        for name, weight in alone.network.weights().items():
            assert_close(one.network.weights()[name], weight, rtol=1e-6, atol=1e-7)
        for name, weight in alone.best_network().weights().items():
            assert_close(one.best_network().weights()[name], weight, rtol=1e-6, atol=1e-7)


def test_a_member_that_diverges_harms_no_other() -> None:
    together = [fit(design(), seed=0), fit(design(), seed=1, learning_rate=1e300), fit(design(), seed=2)]
    found = advance_together(together)
    assert isinstance(found[1], DivergedError)
    for place in (0, 2):
        best = found[place]
        assert isinstance(best, Check)
        assert_close(best.score, fit(design(), seed=place).advance().score, rtol=0, atol=1e-9)


def test_members_are_saved_and_go_on_alone_or_together() -> None:
    whole = [fit(design(), **member) for member in MEMBERS]
    advance_together(whole)
    begun = [fit(design(), **member) for member in MEMBERS]
    advance_together(begun, 1 / 3)
    again = [fit(design(), **member) for member in MEMBERS]
    for one, saved in zip(again, begun, strict=True):
        one.load(saved.save())
    advance_together(again[:2])
    again[2].advance()
    for one, other in zip(again, whole, strict=True):
        for name, weight in other.network.weights().items():
            assert_close(one.network.weights()[name], weight, rtol=1e-6, atol=1e-7)


def test_halved_members_come_to_similar_scores() -> None:
    together = [fit(design(), seed=seed, precision="bfloat16") for seed in range(3)]
    for seed, best in enumerate(advance_together(together)):
        assert isinstance(best, Check)
        assert best.score == pytest.approx(fit(design(), seed=seed, precision="float32").advance().score, abs=0.05)


@pytest.mark.parametrize(
    ("made", "losses", "training"),
    [
        (design(inputs={"histories": {"kind": "gru", "hidden": 3}}), None, {}),
        (design(), Losses(weighting="dwa"), {}),
        (design(), Losses(aggregation="pcgrad"), {}),
        (design(), None, {"patience": 1}),
    ],
)
def test_what_needs_more_than_a_sum_of_losses_is_trained_alone(
    made: mn.Design, losses: Losses | None, training: dict[str, object]
) -> None:
    assert not fusible([fit(made, losses, seed=seed, **training) for seed in range(2)])


def test_designs_of_two_shapes_are_no_group() -> None:
    assert not fusible([fit(design()), fit(design(tower={"hidden": [5]}))])
    assert not fusible([fit(design()), fit(design(), batch_size=16)])


def test_dropout_of_members_is_drawn_apart() -> None:
    dropping = design(levels=[{"shared": 2, "expert": {"hidden": [8], "dropout": 0.5}}])
    together = [fit(dropping, seed=0), fit(dropping, seed=0)]
    advance_together(together, 0.1)
    first, second = (torch.cat([weight.flatten() for weight in one.network.parameters()]) for one in together)
    assert not torch.equal(first, second)


def finalist_job(seed: int, *others: int) -> Job:
    proposal = Proposal(design=design(), training=Training(passes=2, batch_size=32, precision="float64"))
    return Job(number=3, kind="finalist", rung=0, share=1.0, seed=seed, others=others, proposal=proposal)


def test_a_job_of_several_seeds_answers_as_a_job_for_each() -> None:
    kept: dict[str, bytes] = {}

    def done(job: Job) -> Answer:
        return work(job, DATA, get=lambda name: None, put=kept.__setitem__)

    together = done(finalist_job(7, 8, 9))
    names = set(kept)
    for seed, one in {7: together, **together.others}.items():
        alone = done(finalist_job(seed))
        assert one.failure is None
        assert (one.score, one.rows) == (pytest.approx(alone.score, abs=1e-9), alone.rows)
        assert one.seconds > 0
    assert set(together.others) == {8, 9}
    assert set(kept) == names  # weights and predictions of every seed


def test_the_record_has_a_line_for_each_seed_of_a_job(tmp_path: Path) -> None:
    run(core(tmp_path, request(trials=5, seeds=3), fused=True), work=answered)
    lines = facts(tmp_path)
    found = [fact for fact in lines if isinstance(fact, Finalist)]
    chosen = next(fact for fact in lines if isinstance(fact, Chosen))
    assert {(fact.number, fact.seed) for fact in found} == {(n, s) for n in chosen.numbers for s in chosen.seeds}


def answered(job: Job) -> Answer:
    others = {seed: trained(job.model_copy(update={"seed": seed})) for seed in job.others}
    return trained(job).model_copy(update={"others": others})


def test_members_know_how_fast_they_were_trained() -> None:
    together = [fit(design(), seed=seed) for seed in range(2)]
    advance_together(together)
    assert all(one.rows_per_second > 0 for one in together)
    assert together[0].rows_per_second == together[1].rows_per_second
