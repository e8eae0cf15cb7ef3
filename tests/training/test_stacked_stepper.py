"""Several fits as one: every member comes to what it comes to alone."""

import gc
import weakref
from pathlib import Path

import pytest
import torch
from members import advance, restored
from stacked_fixtures import DATA, TRAINING, design, done, new_member, trial_job
from study_fixtures import decisions, driver, events, request, run
from torch.testing import assert_close

import mtl_nas as mn
from mtl_nas.design import Losses, Proposal, Training
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.training import Check, DivergedError, Fit, FitData, Member, stackable
from mtl_nas.training.stepping import cuda_graph

MEMBERS = (
    {"seed": 0},
    {"seed": 1, "weight_decay": 0.5},
    {"seed": 2, "learning_rate": 0.002, "schedule": "linear"},
    {"seed": 3, "weight_decay": 0.5, "average": 0.5},
)


@pytest.mark.parametrize("losses", [Losses(), Losses(weighting="uncertainty", weights={"price": 0.3})])
def test_each_member_comes_to_what_it_comes_to_alone(losses: Losses) -> None:
    scaled = design(inputs={"scale": True, "embedding": 3})
    together = [new_member(scaled, losses, **options) for options in MEMBERS]
    assert stackable(together)
    actual = Fit(*together).advance()
    for options, member, best in zip(MEMBERS, together, actual, strict=True):
        alone = new_member(scaled, losses, **options)
        assert isinstance(best, Check)
        assert_close(best.score, advance(alone).score, rtol=0, atol=1e-9)
        assert [check.step for check in member.checks] == [check.step for check in alone.checks]
        for name, weight in alone.network.weights().items():
            assert_close(member.network.weights()[name], weight, rtol=1e-6, atol=1e-7)
        for name, weight in alone.best_network().weights().items():
            assert_close(member.best_network().weights()[name], weight, rtol=1e-6, atol=1e-7)


def test_members_read_the_same_tensors() -> None:
    rows, graph = FitData.of(DATA), mn.compose(design(), DATA.schema)
    first, other = (Member(graph, Losses(), Training(epochs=1, seed=seed), rows) for seed in range(2))
    assert first.batches.inputs is other.batches.inputs  # type: ignore[union-attr]
    assert first.tuning_inputs is other.tuning_inputs


def test_a_member_that_diverges_harms_no_other() -> None:
    diverging = new_member(design(), seed=1, learning_rate=1e300)
    together = [new_member(design(), seed=0), diverging, new_member(design(), seed=2)]
    actual = Fit(*together).advance()
    assert isinstance(actual[1], DivergedError)
    for index in (0, 2):
        best = actual[index]
        assert isinstance(best, Check)
        assert_close(best.score, advance(new_member(design(), seed=index)).score, rtol=0, atol=1e-9)


def test_members_are_saved_and_go_on_alone_or_together() -> None:
    whole = [new_member(design(), **options) for options in MEMBERS]
    Fit(*whole).advance()
    begun = [new_member(design(), **options) for options in MEMBERS]
    Fit(*begun).advance(1 / 3)
    again = [new_member(design(), **options) for options in MEMBERS]
    for member, saved in zip(again, begun, strict=True):
        restored(member, saved.checkpoint().to_bytes())
    Fit(*again[::2]).advance()
    advance(again[1])
    advance(again[3])
    for member, other in zip(again, whole, strict=True):
        for name, weight in other.network.weights().items():
            assert_close(member.network.weights()[name], weight, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("graphed", [(), ("cpu",)])
def test_a_fit_is_freed_with_its_last_use(graphed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graph, "DEVICES", graphed)
    monkeypatch.setattr(cuda_graph, "captured", lambda call, device: lambda: torch.tensor(0.0))  # refused
    fits = [new_member(design(), seed=seed) for seed in range(3)]
    gone = [weakref.ref(weight) for member in fits for weight in member.network.parameters()]
    gc.disable()
    try:
        Fit(*fits[:2]).advance()
        advance(fits[2])
        del fits
        assert not any(weight() is not None for weight in gone)
    finally:
        gc.enable()


def test_members_in_half_precision_come_to_similar_scores() -> None:
    together = [new_member(design(), seed=seed, precision="bfloat16") for seed in range(3)]
    for seed, best in enumerate(Fit(*together).advance()):
        assert isinstance(best, Check)
        alone = new_member(design(), seed=seed, precision="float32")
        assert best.score == pytest.approx(advance(alone).score, abs=0.05)


@pytest.mark.parametrize("patience", [1, 0.2])
def test_a_member_that_stops_early_is_as_one_that_stops_alone(patience: float) -> None:
    options = [
        {"seed": seed, "learning_rate": rate, "patience": patience, "epochs": 12.0}
        for seed, rate in enumerate((1e-3, 3e-2, 0.3))
    ]
    together = [new_member(design(), **each) for each in options]
    assert stackable(together)
    Fit(*together).advance()
    alone = [new_member(design(), **each) for each in options]
    for member, expected in zip(together, alone, strict=True):
        advance(expected)
        assert (member.stopped, member.rows) == (expected.stopped, expected.rows)
        assert [check.step for check in member.checks] == [check.step for check in expected.checks]
        assert_close(member.outcome.score, expected.outcome.score, rtol=0, atol=1e-9)  # type: ignore[union-attr]
    assert len({member.rows for member in alone}) > 1


@pytest.mark.parametrize(
    ("made", "losses"),
    [
        (design(inputs={"histories": {"kind": "gru", "hidden": 3}}), None),
        (design(), Losses(weighting="dwa")),
        (design(), Losses(aggregation="pcgrad")),
    ],
)
def test_what_needs_more_than_a_sum_of_losses_is_trained_alone(made: mn.Design, losses: Losses | None) -> None:
    assert not stackable([new_member(made, losses, seed=seed) for seed in range(2)])


def test_designs_of_two_shapes_are_no_group() -> None:
    assert not stackable([new_member(design()), new_member(design(tower={"hidden": [5]}))])
    assert not stackable([new_member(design()), new_member(design(), batch_size=16)])


def test_dropout_of_members_is_drawn_apart() -> None:
    dropping = design(levels=[{"shared": 2, "expert": {"hidden": [8], "dropout": 0.5}}])
    together = [new_member(dropping, seed=0), new_member(dropping, seed=0)]
    Fit(*together).advance(0.1)
    first, second = (torch.cat([weight.flatten() for weight in member.network.parameters()]) for member in together)
    assert not torch.equal(first, second)


def test_members_may_differ_in_the_weights_of_their_losses() -> None:
    weighed = [Losses(weights={"price": weight}) for weight in (0.3, 1.0, 20.0)]
    together = [new_member(design(), losses, seed=index) for index, losses in enumerate(weighed)]
    assert stackable(together)
    for index, (losses, best) in enumerate(zip(weighed, Fit(*together).advance(), strict=True)):
        assert isinstance(best, Check)
        assert_close(best.score, advance(new_member(design(), losses, seed=index)).score, rtol=0, atol=1e-7)
    assert not stackable([new_member(design(), losses) for losses in (weighed[0], Losses(weights={"price": 0.0}))])


def finalist_job(seed: int) -> Job:
    proposal = Proposal(design=design(), training=Training.model_validate(TRAINING))
    return Job(number=3, kind="finalist", rung=0, share=1.0, seed=seed, proposal=proposal)


def same(result: JobResult, other: JobResult) -> bool:
    return (result.failure, result.rows, result.score) == (None, other.rows, pytest.approx(other.score, abs=1e-9))


def test_seeds_of_a_finalist_as_one_answer_as_each_alone() -> None:
    files, apart = dict[str, bytes](), dict[str, bytes]()
    jobs = [finalist_job(seed) for seed in (7, 8, 9)]
    for job, result in zip(jobs, done(files, *jobs), strict=True):
        (alone,) = done(apart, job)
        assert same(result, alone)
        assert result.seconds > 0
    assert set(files) == set(apart)  # weights and predictions of every seed


def test_trials_of_one_shape_as_one_answer_as_each_alone_at_every_rung() -> None:
    files, apart = dict[str, bytes](), dict[str, bytes]()
    for rung, before in ((0, None), (1, 0)):
        index = {"rung": rung, "from_rung": before, "share": (rung + 1) / 3}
        jobs = [trial_job(number, **index) for number in range(3)]
        assert jobs[0].common == jobs[1].common
        for job, result in zip(jobs, done(files, *jobs), strict=True):
            (alone,) = done(apart, job)
            assert same(result, alone)
    assert set(files) == set(apart)  # states of every trial at each rung


def test_a_trial_above_a_measured_limit_leaves_the_others() -> None:
    slow = trial_job(1, latency=True, limits={"latency_ms": 1e-6})
    first, limited, last = done({}, trial_job(0), slow, trial_job(2))
    assert limited.failure == "limit"
    for job, result in ((trial_job(0), first), (trial_job(2), last)):
        assert same(result, *done({}, job))


def test_trials_that_memory_has_no_room_for_together_are_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    advance_plainly = Fit.advance

    def full(fit: Fit, share: float) -> object:
        if len(fit.members) > 1:
            raise MemoryError
        return advance_plainly(fit, share)

    monkeypatch.setattr(Fit, "advance", full)
    jobs = [trial_job(number) for number in range(2)]
    for job, result in zip(jobs, done({}, *jobs), strict=True):
        assert same(result, *done({}, job))


def test_trials_of_two_shapes_in_one_answer_as_each_alone() -> None:
    jobs = [trial_job(0), trial_job(1, made=design(tower={"hidden": [5]}))]
    assert jobs[0].common != jobs[1].common
    for job, result in zip(jobs, done({}, *jobs), strict=True):
        assert same(result, *done({}, job))


ONE_SHAPE = {
    "design": {"levels": [{"shared": 3, "expert": {"hidden": [4]}}]},
    "training": {"learning_rate": {"float": [1e-4, 1e-2], "log": True}},
}


def test_a_worker_is_given_trials_of_one_shape_up_to_a_bound(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(trials=16, cohort=16, tree=ONE_SHAPE), tree=ONE_SHAPE, presets=(), gpus=1)
    groups = [driven.next_jobs() for _ in range(2)]
    assert [len(group) for group in groups] == [8, 8]
    assert len({job.number for group in groups for job in group}) == 16


def test_trials_of_one_shape_are_spread_over_gpus(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(trials=12, cohort=12, tree=ONE_SHAPE), tree=ONE_SHAPE, presets=(), gpus=3)
    assert [len(driven.next_jobs()) for _ in range(3)] == [4, 4, 4]


def test_trials_that_a_worker_could_not_train_as_one_are_given_out_alone(tmp_path: Path) -> None:
    level = {"shared": 2, "expert": {"hidden": [4]}, "mixing": {"by": "routing", "penalty": 0.1}}
    tree = {**ONE_SHAPE, "design": {"levels": [level]}}
    driven = driver(tmp_path, request(trials=4, cohort=4, tree=tree), tree=tree, presets=(), gpus=1)
    assert [len(driven.next_jobs()) for _ in range(4)] == [1, 1, 1, 1]


def test_a_trial_whose_worker_died_is_done_alone(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(trials=4, cohort=4, tree=ONE_SHAPE), tree=ONE_SHAPE, presets=(), gpus=1)
    jobs = driven.next_jobs()
    assert len(jobs) == 4
    for job in jobs:
        driven.job_done(job, JobResult(failure="lost", reason="the worker died"))
    assert [len(driven.next_jobs()) for _ in jobs] == [1, 1, 1, 1]


@pytest.mark.parametrize("workers", [1, 3])
def test_stacked_or_not_a_search_decides_the_same(tmp_path: Path, workers: int) -> None:
    actual = {}
    for stacked in (False, True):
        folder = tmp_path / str(stacked)
        run(driver(folder, request(trials=12, tree=ONE_SHAPE), tree=ONE_SHAPE, gpus=int(stacked)), workers=workers)
        actual[stacked] = decisions(events(folder))
    assert actual[False] == actual[True]


def test_members_know_how_fast_they_were_trained() -> None:
    together = [new_member(design(), seed=seed) for seed in range(2)]
    Fit(*together).advance()
    assert all(member.rows_per_second > 0 for member in together)
    assert together[0].rows_per_second == together[1].rows_per_second
