"""The core of a run under workers that only pretend: order, budget, failures, duplicates, going on after any cut."""

import random
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from slowly import slow
from study_fixtures import (
    PLAIN,
    ROWS,
    SPACE,
    TINY,
    arrived_or_decided,
    decisions,
    driver,
    events,
    jobs_done,
    request,
    run,
    scripted,
    timeless,
    trained,
)

from mtl_nas.errors import RunError, SpaceError
from mtl_nas.record import (
    Chosen,
    Closed,
    Event,
    Failed,
    Finalist,
    Note,
    Promoted,
    Proposed,
    RunState,
    Scored,
    Selected,
    Stopped,
)
from mtl_nas.settings import Aim
from mtl_nas.space import load_space, plain_tree
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.samplers import SAMPLERS
from mtl_nas.study.schedule.finalists import choose_finalists
from mtl_nas.study.search_state import SearchState

PRESETS = ("single_task", "mmoe", "ple")
LONG = {"trials": 24, "cohort": 6, "rungs": (1 / 3, 1.0)}  # TPE proposes from the third cohort on
LOST = JobResult(failure="lost", reason="the worker died")


@cache
def unbroken(sampler: str, objectives: tuple[Aim, ...] = ("mean",)) -> tuple[Event, ...]:
    """A run of one worker that nothing disturbs."""
    with TemporaryDirectory() as folder:
        run(driver(Path(folder), request(sampler=sampler, objectives=objectives, **LONG)))
        return tuple(events(Path(folder)))


def of(kind: type[Any], lines: Sequence[Event]) -> list[Any]:
    return [event for event in lines if isinstance(event, kind)]


# A run from beginning to end


def test_presets_come_first_then_random_draws_then_what_tpe_proposes() -> None:
    origins = [event.origin for event in of(Proposed, unbroken("tpe"))]
    assert origins[:3] == [f"preset:{name}" for name in PRESETS]
    assert set(origins[3:9]) == {"random"}  # the sampler sees nothing before the first barrier
    assert Counter(origins[9:])["tpe"] >= 5
    assert Counter(origins[9:])["random"] >= 2
    assert {event.origin for event in of(Proposed, unbroken("random"))[3:]} == {"random"}


def test_every_trial_ends_with_a_score_or_a_reason() -> None:
    state = RunState().after(unbroken("tpe"))
    for trial in state.trained:
        ends = [trial.stopped is not None, 1 in trial.scored, trial.failed is not None]
        assert sum(ends) == 1
    assert all(" at rung 0)" in event.reason for event in of(Stopped, unbroken("tpe")) + of(Promoted, unbroken("tpe")))


def test_a_barrier_comes_when_its_whole_cohort_has_arrived() -> None:
    state, boundaries = RunState(), []
    for event in unbroken("tpe"):
        if isinstance(event, Promoted | Stopped):
            assert all(trial.scored for trial in state.trained)
            boundaries.append(len(state.trained))
        state.add(event)
    assert set(boundaries) == {6, 12, 18, 24}


def test_the_best_preset_and_the_baseline_reach_the_last_rung_and_the_finals(tmp_path: Path) -> None:
    asked = request(**LONG)

    def against_presets(job: Job) -> JobResult:
        worse = 0.5 * (job.number < 3)
        answer = trained(job)
        return answer.model_copy(update={"score": answer.score - worse})

    run(driver(tmp_path, asked), work=against_presets)
    state = RunState().after(events(tmp_path))
    best = max((state.trials[number] for number in range(3)), key=lambda trial: trial.scored[0].score)
    assert 1 in state.trials[0].scored
    assert 1 in best.scored
    assert state.chosen is not None
    assert {0, 1, 2} <= set(state.chosen.numbers)
    assert all(len(state.trials[number].finalist) == 2 for number in state.chosen.numbers)


def test_a_promoted_trial_goes_on_with_its_own_seed(tmp_path: Path) -> None:
    jobs = run(driver(tmp_path, request()))
    for number in {job.number for job in jobs if job.rung == 1}:
        first, second = (job for job in jobs if job.number == number and job.kind == "trial")
        assert (first.rung, second.rung, second.from_rung) == (0, 1, 0)
        assert first.seed == second.seed
        assert first.proposal == second.proposal
        assert (first.keep_state, second.keep_state) == (True, False)


def test_every_event_is_in_the_record_before_it_is_acted_on_and_before_watchers_hear_of_it(tmp_path: Path) -> None:
    heard: list[Event] = []

    def watch(event: Event) -> None:
        heard.append(event)
        assert events(tmp_path)[-1] == event

    run(driver(tmp_path, request(trials=6), watchers=[watch]))
    assert heard == events(tmp_path)


def test_no_job_is_handed_out_twice(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(trials=5, cohort=5))
    jobs = [job for _ in range(5) for job in driven.next_jobs()]
    assert [job.number for job in jobs] == [0, 1, 2, 3, 4]
    assert driven.next_jobs() == ()
    assert not driven.done


def test_the_same_request_proposes_the_same_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(driver(tmp_path / name, request(seed=seed)))
    first, again, other = (events(tmp_path / name) for name in "abc")
    assert first == again
    keys = [[event.proposal_key for event in of(Proposed, lines)[3:]] for lines in (first, other)]
    assert not set(keys[0]) & set(keys[1])


# Arrival order


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_decisions_do_not_depend_on_workers_or_on_who_is_done_first(tmp_path: Path, sampler: str) -> None:
    for place, (workers, order) in enumerate([(1, 1), (2, 1), (2, 2), (4, 1), (4, 2)]):
        folder = tmp_path / str(place)
        run(driver(folder, request(sampler=sampler, **LONG)), workers=workers, order=order)
        lines = events(folder)
        assert decisions(lines) == decisions(unbroken(sampler))
        assert arrived_or_decided(lines) == arrived_or_decided(unbroken(sampler))
        assert workers == 1 or lines != list(unbroken(sampler))


# F1: going on after any cut


CUT = {
    "one objective": {},
    "two objectives": {"objectives": ("mean", "parameters")},
    "bounded work": {"trainings": 12.0, "rungs": (1 / 9, 1 / 3, 1.0), "trials": 1},
    "replicates": {"replicates": 2, "tree": TINY, "presets": (), "rungs": (1 / 9, 1 / 3, 1.0)},
    "chosen by itself": {"sampler": "auto"},
    "a pilot": {"pilot": 8},
}
CUTS = [*((sampler, "one objective") for sampler in SAMPLERS), *(("local", what) for what in list(CUT)[1:])]
QUICK = ("tpe", "one objective"), ("local", "bounded work")  # cut at every fifth line; the others are many runs


@pytest.mark.parametrize(
    ("sampler", "what", "apart"),
    [
        pytest.param(*cut, 5, id=" ".join(cut)) if cut in QUICK else slow(*cut, 1, id=" ".join(cut))
        for cut in [*CUTS, ("nsga2", "two objectives")]
    ],
)
def test_a_run_cut_at_any_line_ends_like_one_that_was_not(
    tmp_path: Path, sampler: str, what: str, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut after one line, inside the next, and so on; the disk's patience is not what is tested."""
    options: dict[str, Any] = {"sampler": sampler, **LONG, **CUT[what]}
    tree, presets = options.get("tree", SPACE), options.pop("presets", PRESETS)
    work = partial(trained, rungs=options["rungs"])

    def go_on() -> None:
        run(driver(tmp_path, request(**options), tree=tree, presets=presets), work=work)

    go_on()
    path = tmp_path / "trials.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) > (80 if what == "one objective" else 30)
    for place, line in list(enumerate(lines))[::apart]:
        torn = line[: 1 + place * 7 % (len(line) - 1)] if place % 2 else b""
        path.write_bytes(b"".join(lines[:place]) + torn)
        go_on()
        assert path.read_bytes() == whole


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_again_and_again_under_changing_workers_decides_the_same(
    tmp_path: Path, sampler: str, seed: int
) -> None:
    dice, deaths = random.Random(f"{sampler} {seed}"), 0
    while True:
        driven = driver(tmp_path, request(sampler=sampler, **LONG))
        left = dice.randrange(1, 20)
        for _ in jobs_done(driven, workers=dice.choice((1, 2, 4)), order=dice.randrange(100)):
            left -= 1
            if left == 0:
                break
        if driven.done:
            break
        deaths += 1
        record = tmp_path / "trials.jsonl"
        record.write_bytes(record.read_bytes()[: -dice.randrange(1, 200)])
    assert deaths >= 3
    assert decisions(events(tmp_path)) == decisions(unbroken(sampler))
    assert arrived_or_decided(timeless(events(tmp_path))) == arrived_or_decided(timeless(unbroken(sampler)))


# Budget


def test_the_budget_counts_what_is_trained_and_neither_duplicates_nor_finalists(tmp_path: Path) -> None:
    jobs = run(driver(tmp_path, request(trials=11, cohort=4)))
    state = RunState().after(events(tmp_path))
    assert len(state.trained) == 11
    assert len({job.number for job in jobs if job.rung == 0 and job.kind == "trial"}) == 11
    assert sum(job.kind == "finalist" for job in jobs) == 2 * len(state.chosen.numbers)  # type: ignore[union-attr]


def test_failures_count_as_trials(tmp_path: Path) -> None:
    failures = {(number, 0): [JobResult(failure="diverged", reason=f"trial {number}")] for number in range(3, 12)}
    run(driver(tmp_path, request(trials=12)), work=scripted(failures=failures))
    state = RunState().after(events(tmp_path))
    assert len(state.trained) == 12
    assert state.chosen is not None
    assert set(state.chosen.numbers) == {0, 1, 2}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_when_its_time_is_up_a_search_proposes_nothing_more_and_ends_with_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    driven = driver(tmp_path, request(trials=100, cohort=4, time=100.0), now=clock)
    for _ in jobs_done(driven):
        clock.now += 2.0
    lines = events(tmp_path)
    (closed,) = of(Closed, lines)
    assert closed.reason == "time for proposals is up (60% of 100 s)"
    place = lines.index(closed)
    assert not of(Proposed, lines[place:])
    assert of(Chosen, lines[place:])
    assert of(Finalist, lines[place:])
    state = RunState().after(lines)
    assert 15 < len(state.trained) < 40
    assert all(trial.stopped or 1 in trial.scored for trial in state.trained)


def test_finalists_are_as_many_as_the_time_left_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def slow(job: Job) -> JobResult:
        clock.now += 3.0 * job.share
        return trained(job).model_copy(update={"seconds": 3.0 * job.share})

    driven = driver(tmp_path, request(trials=100, cohort=4, time=60.0, finalists=4, seeds=5), now=clock)
    run(driven, work=slow)
    lines = events(tmp_path)
    (note,), (taken,) = of(Note, lines), of(Chosen, lines)
    before = SearchState(driven.state.settings).after(lines[: lines.index(taken)])
    wanted = choose_finalists(before)
    fewer = f"{len(taken.numbers)} finalists on {len(taken.seeds)} seeds"
    assert note.text == f"the time left allows {fewer}, not {len(wanted.numbers)} on 5"
    assert taken != wanted
    assert 0 in taken.numbers
    assert clock.now - 1000.0 < 75.0


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("promotion", ["synchronous", "asynchronous"])
def test_time_is_kept_but_for_the_trainings_that_run(tmp_path: Path, promotion: str, workers: int) -> None:
    clock = Clock()
    asked = request(trials=100, cohort=4, time=60.0, finalists=4, seeds=3, promotion=promotion)
    driven, started = driver(tmp_path, asked, now=clock, workers=workers), list[tuple[float, Job]]()
    for job in jobs_done(driven, workers=workers):
        started.append((clock.now - 1000.0, job))
        clock.now += 7.0  # whatever the share: a machine that is slower than any estimate
    assert all(begun <= 60.0 for begun, _ in started)  # a network is stored, so that nothing has to be trained
    lines = events(tmp_path)
    assert of(Selected, lines)
    assert workers > 1 or of(Note, lines)[-1].text.startswith(("the time of 60 s is up: ", "the time left allows "))
    assert not of(Promoted, lines[lines.index(of(Chosen, lines)[0]) :])


def test_without_a_bound_time_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    driven = driver(tmp_path, request(**LONG), now=clock)
    assert driven.clock.left is None
    for _ in jobs_done(driven):
        clock.now += 1e6
    assert events(tmp_path) == list(unbroken("tpe"))


@pytest.mark.parametrize("promotion", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("trainings", [4.0, 5.0, 7.0, 9.0, 10.0, 14.0, 22.0, 30.0])
def test_work_that_is_bounded_is_overshot_by_one_full_training_at_most(
    tmp_path: Path, promotion: str, trainings: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rungs = (1 / 9, 1 / 3, 1.0)
    for seed, workers in enumerate((1, 2, 4) if promotion == "asynchronous" else (1, 1, 1)):
        asked = request(
            trainings=trainings, rungs=rungs, sampler="random", promotion=promotion, seed=seed, racing=False
        )
        run(driver(tmp_path / str(seed), asked), work=partial(trained, rungs=rungs), workers=workers, order=seed)
        state = RunState().after(events(tmp_path / str(seed)))
        assert state.trained
        assert state.chosen is not None
        assert state.chosen.numbers
        assert state.rows / ROWS <= trainings + 1.001
        assert state.rows / ROWS >= trainings - 1.0


# Duplicates


def test_a_small_space_is_trained_once_each_and_then_closed(tmp_path: Path) -> None:
    jobs = run(driver(tmp_path, request(tree=TINY, trials=40), tree=TINY, presets=()))
    state = RunState().after(events(tmp_path))
    assert len(state.trained) == 6  # three numbers of experts, two towers
    repeated = [trial for trial in state.trials.values() if trial.proposed.duplicate_of is not None]
    assert repeated
    assert not {job.number for job in jobs} & {trial.number for trial in repeated}
    assert state.closed is not None
    assert state.closed.reason == "100 draws brought nothing new: every draw was tried before"
    assert state.chosen is not None


def test_a_duplicate_has_the_key_of_the_trial_it_repeats(tmp_path: Path) -> None:
    run(driver(tmp_path, request(tree=TINY, trials=40), tree=TINY, presets=()))
    proposals = of(Proposed, events(tmp_path))
    for event in proposals:
        same = [other.number for other in proposals if other.proposal_key == event.proposal_key]
        assert event.duplicate_of == (None if event.number == same[0] else same[0])


def test_after_some_duplicates_in_a_row_a_new_design_is_forced(tmp_path: Path) -> None:
    run(driver(tmp_path, request(tree=TINY, trials=40), tree=TINY, presets=()))
    repeats = "".join("." if event.duplicate_of is None else "d" for event in of(Proposed, events(tmp_path)))
    assert max(map(len, repeats.split("."))) <= 5


def test_designs_that_compose_to_one_graph_are_one_trial(tmp_path: Path) -> None:
    tree = {"design": {"levels": [{"shared": 1, "mixing": {"bias": {"choice": [False, True]}}}]}}  # a gate over one
    run(driver(tmp_path, request(tree=tree, trials=5), tree=tree, presets=()))
    state = RunState().after(events(tmp_path))
    assert len(state.trained) == 1
    assert len({trial.proposal.model_dump_json() for trial in state.trials.values()}) == 2


# Failures


@pytest.mark.parametrize("failure", ["diverged", "memory"])
def test_a_failure_ends_a_trial_and_touches_no_other(tmp_path: Path, failure: Any) -> None:
    work = scripted(failures={(4, 0): [JobResult(failure=failure, reason="why", trace="where")]})
    jobs = run(driver(tmp_path, request()), work=work)
    state = RunState().after(events(tmp_path))
    (failed,) = of(Failed, events(tmp_path))
    assert (failed.number, failed.rung, failed.failure, failed.reason, failed.trace) == (4, 0, failure, "why", "where")
    assert state.trials[4].failed == failed
    assert sum(job.number == 4 for job in jobs) == 1
    assert state.chosen is not None
    assert 4 not in state.chosen.numbers
    assert len(state.trained) == 12


def test_a_trial_that_ends_in_an_error_runs_again_and_has_failed_at_the_second(tmp_path: Path) -> None:
    error = JobResult(failure="error", reason="why", trace="where")
    jobs = run(driver(tmp_path / "twice", request()), work=scripted(failures={(4, 0): [error, error]}))
    failed = RunState().after(events(tmp_path / "twice")).trials[4].failed
    assert failed is not None
    assert (failed.failure, failed.reason, failed.trace) == ("error", "why", "where")
    assert sum(job.number == 4 for job in jobs) == 2
    run(driver(tmp_path / "once", request()), work=scripted(failures={(4, 0): [error]}))
    assert RunState().after(events(tmp_path / "once")).trials[4].failed is None


FULL = JobResult(failure="machine", reason="'states/00004-0.pt' cannot be written: no space left on device")


def test_a_fault_of_the_machine_is_charged_to_no_trial(tmp_path: Path) -> None:
    run(driver(tmp_path / "unbroken", request()))
    for number in range(12):
        work = scripted(failures={(number, 0): [FULL] * 2})
        run(driver(tmp_path / f"{number}", request()), work=work)
        assert decisions(events(tmp_path / f"{number}")) == decisions(events(tmp_path / "unbroken"))
        assert not of(Failed, events(tmp_path / f"{number}"))


def test_a_machine_that_keeps_failing_pauses_the_search_and_a_resume_forgets_it(tmp_path: Path) -> None:
    run(driver(tmp_path / "unbroken", request()))
    with pytest.raises(RunError, match=r"the search is paused, as the machine failed 3 times: .*no space left"):
        run(driver(tmp_path / "broken", request()), work=scripted(failures={(4, 0): [FULL] * 3}))
    assert not of(Failed, events(tmp_path / "broken"))
    run(driver(tmp_path / "broken", request()))
    assert decisions(events(tmp_path / "broken")) == decisions(events(tmp_path / "unbroken"))


def test_a_failure_at_a_higher_rung_keeps_the_trial_out_of_the_finals(tmp_path: Path) -> None:
    first = driver(tmp_path / "first", request())
    promoted = {job.number for job in run(first) if job.rung == 1}
    best = max(promoted - {0, 1, 2})
    work = scripted(failures={(best, 1): [JobResult(failure="memory", reason="out of memory")]})
    run(driver(tmp_path / "second", request()), work=work)
    state = RunState().after(events(tmp_path / "second"))
    assert state.trials[best].failed is not None
    assert state.chosen is not None
    assert best not in state.chosen.numbers


@pytest.mark.parametrize("rung", [0, 1])
def test_a_trial_whose_worker_is_lost_runs_again_and_nothing_else_changes(tmp_path: Path, rung: int) -> None:
    undisturbed = run(driver(tmp_path / "first", request()))
    number = next(job.number for job in undisturbed if job.rung == 1)
    jobs = run(driver(tmp_path / "second", request()), work=scripted(failures={(number, rung): [LOST]}))
    again = [job for job in jobs if (job.number, job.rung, job.kind) == (number, rung, "trial")]
    assert len(again) == 2
    assert again[0] == again[1]
    assert decisions(events(tmp_path / "first")) == decisions(events(tmp_path / "second"))
    assert RunState().after(events(tmp_path / "second")).trials[number].failed is None


def test_a_trial_whose_worker_is_lost_twice_has_failed(tmp_path: Path) -> None:
    jobs = run(driver(tmp_path, request()), work=scripted(failures={(5, 0): [LOST, LOST]}))
    failed = RunState().after(events(tmp_path)).trials[5].failed
    assert failed is not None
    assert (failed.failure, failed.reason) == ("lost", "the worker died")
    assert sum(job.number == 5 for job in jobs) == 2


def test_a_finalist_whose_worker_is_lost_runs_again_and_one_that_fails_does_without_that_seed(tmp_path: Path) -> None:
    answers = {0: [LOST], 1: [LOST, LOST], 2: [JobResult(failure="diverged", reason="not finite")]}
    starts: list[Job] = []

    def work(job: Job) -> JobResult:
        if job.kind == "finalist" and answers.get(job.number):
            starts.append(job)
            return answers[job.number].pop(0)
        return trained(job)

    jobs = run(driver(tmp_path, request()), work=work)
    state = RunState().after(events(tmp_path))
    assert [len(state.trials[number].finalist) for number in range(3)] == [2, 1, 1]
    assert all(trial.failed is None for trial in state.trials.values())
    assert sum(job.kind == "finalist" for job in jobs) == 2 * len(state.chosen.numbers) + 2  # type: ignore[union-attr]


def test_three_equal_errors_stop_the_search_with_the_traceback(tmp_path: Path) -> None:
    same = JobResult(failure="error", reason="KeyError: 'price'", trace="Traceback (most recent call last)")
    failures = {(number, 0): [same] for number in (3, 5, 6, 8)}
    with pytest.raises(RunError) as problem:
        run(driver(tmp_path, request()), work=scripted(failures=failures))
    assert str(problem.value) == (
        "Traceback (most recent call last)\n3 trials failed with one error, so the search stops: KeyError: 'price'"
    )
    assert [event.number for event in of(Failed, events(tmp_path))] == [3, 5, 6]
    with pytest.raises(RunError, match="4 trials failed with one error"):
        run(driver(tmp_path, request()), work=scripted(failures={(8, 0): [same]}))
    run(driver(tmp_path, request()))
    assert RunState().after(events(tmp_path)).chosen is not None


@pytest.mark.parametrize("failure", ["error", "diverged", "lost"])
def test_different_errors_and_failures_of_a_design_do_not_stop_the_search(tmp_path: Path, failure: Any) -> None:
    reasons = [f"KeyError: {number}" if failure == "error" else "same" for number in range(12)]
    failures = {(number, 0): [JobResult(failure=failure, reason=reasons[number])] * 2 for number in range(3, 12)}
    run(driver(tmp_path, request()), work=scripted(failures=failures))
    assert RunState().after(events(tmp_path)).chosen is not None


# Spaces and data that do not fit


def test_a_preset_outside_the_space_is_trained_and_not_shown_to_the_sampler(tmp_path: Path) -> None:
    run(driver(tmp_path, request(schema=PLAIN), schema=PLAIN))
    proposals = of(Proposed, events(tmp_path))
    assert [event.decisions for event in proposals[:3]] == [None, None, None]
    assert all(event.decisions for event in proposals[3:])


def test_a_preset_inside_the_space_is_shown_with_its_decisions(tmp_path: Path) -> None:
    tree = plain_tree(load_space("everything"))
    run(driver(tmp_path, request(tree=tree, trials=4), tree=tree))
    assert all(event.decisions for event in of(Proposed, events(tmp_path)))


def test_a_space_that_never_fits_the_data_is_refused_with_the_reason(tmp_path: Path) -> None:
    tree = {**SPACE, "design": {**SPACE["design"], "transfers": {"links": [["click", "bye"]]}}}
    reason = "transfers.links names task 'bye', which the data does not have; did you mean 'buy'?"
    with pytest.raises(SpaceError) as problem:
        run(driver(tmp_path / "bare", request(tree=tree), tree=tree, presets=()))
    assert str(problem.value) == f"space 'made-up': no draw fits this data: {reason}"
    run(driver(tmp_path / "presets", request(tree=tree), tree=tree))
    (closed,) = of(Closed, events(tmp_path / "presets"))
    assert closed.reason == f"100 draws brought nothing new: {reason}"


def test_a_draw_that_does_not_fit_is_replaced_by_one_that_does(tmp_path: Path) -> None:
    links = {"choice": ["none", [["click", "bye"]]]}
    tree = {**SPACE, "design": {**SPACE["design"], "transfers": {"links": links}}}
    run(driver(tmp_path, request(tree=tree), tree=tree))
    proposals = of(Proposed, events(tmp_path))
    assert len(proposals) >= 12
    assert {str(event.proposal.design.transfers.links) for event in proposals} == {"none"}


def test_a_run_that_is_over_stays_over(tmp_path: Path) -> None:
    run(driver(tmp_path, request(trials=4)))
    before = events(tmp_path)
    driven = driver(tmp_path, request(trials=4))
    assert driven.next_jobs() == ()
    assert driven.done
    assert events(tmp_path) == before
    assert of(Scored, before)
