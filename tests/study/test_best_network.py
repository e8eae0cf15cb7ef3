"""The network that best/ holds while a search goes on."""

from itertools import permutations
from pathlib import Path

from study_fixtures import driver, events, finalist, proposed, request, run, scored, state_of

from mtl_nas.record import Best, Event, Measured, NetworkName, RunState, Selected
from mtl_nas.study.jobs import training_seed
from mtl_nas.study.objectives.objective import Objective
from mtl_nas.study.schedule.best_network import better_network
from mtl_nas.study.schedule.next_action import next_action


def stored(number: int, rung: int, click: float, buy: float | None = None) -> Event:
    scores = {"click": {"auc": click}, "buy": {"auc": click if buy is None else buy}}
    mean = click if buy is None else (click + buy) / 2
    return scored(number, rung, 0.1, choosing=Measured(score=mean, scores=scores))


def selected(number: int, rung: int | None, score: float, gain: float | None, networks: int) -> Selected:
    seed = training_seed(0, proposed(number))
    return Selected(number=number, seed=seed, rung=rung, score=score, gain=gain, networks=networks)


TWO = [proposed(0), proposed(1)]
RUNGS = (0.25, 1.0)


def test_the_first_network_is_selected_and_then_only_a_better_one() -> None:
    lines: list[Event] = [*TWO, stored(0, 0, 0.5)]
    first = better_network(state_of(*lines, rungs=RUNGS))
    assert first == selected(0, 0, 0.5, None, 1)
    lines += [first, stored(1, 0, 0.4)]
    assert better_network(state_of(*lines, rungs=RUNGS)) is None
    lines += [stored(1, 1, 0.75)]
    assert better_network(state_of(*lines, rungs=RUNGS)) == selected(1, None, 0.75, 0.25, 3)


def test_a_network_on_a_fresh_seed_may_be_the_best_and_nothing_is_selected_after_the_end() -> None:
    lines: list[Event] = [*TWO, stored(0, 1, 0.5), finalist(1, 7, 0.625)]
    assert better_network(state_of(*lines, rungs=RUNGS)) == Selected(
        number=1, seed=7, rung=None, score=0.625, gain=None, networks=2
    )
    assert better_network(state_of(*lines, Best(number=0, seed=1), rungs=RUNGS)) is None


def test_networks_beyond_the_limits_are_selected_only_where_there_is_no_other() -> None:
    large = proposed(1, macs=1000)
    lines: list[Event] = [proposed(0), large, stored(1, 0, 0.9)]
    plan = {"rungs": RUNGS, "limits": {"macs": 100.0}}
    first = better_network(state_of(*lines, **plan))
    assert first is not None
    assert first.number == 1
    after = better_network(state_of(*lines, first, stored(0, 0, 0.5), **plan))
    assert after == selected(0, 0, 0.5, None, 1)


def test_gains_of_the_worst_task_are_over_the_most_trained_network_of_the_baseline() -> None:
    metrics = {"click": "auc", "buy": "auc"}
    plan = {"rungs": RUNGS, "objective": Objective(("worst",), metrics)}
    baseline = proposed(0, origin="preset:single_task")
    lines: list[Event] = [
        baseline,
        proposed(1),
        stored(0, 0, 0.5, 0.5),
        stored(0, 1, 0.75, 0.5),
        stored(1, 0, 0.875, 0.625),
    ]
    best = better_network(state_of(*lines, **plan))
    assert best is not None
    assert (best.number, best.score) == (1, 0.125)


def test_equal_networks_are_of_the_first_trial_whatever_arrived_first() -> None:
    arrivals = [stored(0, 0, 0.5), stored(1, 0, 0.5), stored(2, 0, 0.5)]
    for order in permutations(arrivals):
        best = better_network(state_of(*TWO, proposed(2), *order, rungs=RUNGS))
        assert best is not None
        assert best.number == 0


def test_a_job_stores_its_network_if_none_of_a_higher_rung_is_stored() -> None:
    from mtl_nas.study.schedule.actions import trial_job

    rungs = (0.25, 0.5, 1.0)
    assert trial_job(state_of(*TWO, rungs=rungs), state_of(*TWO).trials[0]).keep_network
    lines: list[Event] = [*TWO, stored(0, 0, 0.5), stored(0, 1, 0.5)]
    before = state_of(*lines, rungs=rungs)
    assert not trial_job(before, before.trials[1]).keep_network
    before.trials[0].rung = 2
    last = trial_job(before, before.trials[0])
    assert last.keep_network
    assert last.network == NetworkName(0, last.seed)
    assert trial_job(before, before.trials[1]).network == NetworkName(1, training_seed(0, proposed(1)), 0)


def test_a_search_always_has_the_best_of_its_networks_selected(tmp_path: Path) -> None:
    seen: list[Selected] = []
    run(
        driver(
            tmp_path, request(compare="quick"), watchers=[lambda e: seen.append(e) if isinstance(e, Selected) else None]
        )
    )
    state = RunState()
    best: float | None = None
    for event in events(tmp_path):
        if isinstance(event, Selected):
            assert best is None or event.score > best
            best = event.score
        state.add(event)
    assert len(seen) > 2
    assert state.selected == seen[-1]
    first = events(tmp_path).index(seen[0])
    assert [event.event for event in events(tmp_path)[:first]].count("scored") == 1


def test_what_is_selected_is_decided_before_anything_else() -> None:
    action = next_action(state_of(*TWO, stored(0, 0, 0.5), rungs=RUNGS))
    assert [event.event for event in action.events] == ["selected"]  # type: ignore[union-attr]
