"""The finalists, trained again on fresh seeds, and the race among them."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from scipy.special import stdtrit

from mtl_nas.record import Chosen, Retired, Trial
from mtl_nas.study.jobs import Job, seed_of, with_precision
from mtl_nas.study.objectives import BASELINE
from mtl_nas.study.schedule.actions import Action, Decide, Train
from mtl_nas.study.schedule.budget import planned_finals
from mtl_nas.study.schedule.leftover_budget import seeds_for
from mtl_nas.study.search_state import SearchState

MOST_PRESETS = 3  # presets among the finalists, beside the baseline
FEWEST_SEARCHED = 2  # searched designs among the finalists, even if fewer reached the last rung
CONFIDENCE = 0.975  # one-sided confidence that a finalist is behind the leader, with which it retires


def choose_finalists(state: SearchState) -> Chosen:
    """Choose the best searched trials, the best presets and the baseline, so that one table compares them all.

    Searched trials are those at the last rung, or the two best if fewer reached it. With the option ``trainings``, one
    preset is chosen beside the baseline.
    """
    count, _ = planned_finals(state)
    bounded = state.settings.trainings is not None
    last = len(state.settings.rungs) - 1
    scored = [
        trial for trial in state.trained if trial.failed is None and trial.scored and not trial.proposed.replicate
    ]
    searched = state.furthest_first(trial for trial in scored if trial.preset is None)
    presets = state.furthest_first(trial for trial in scored if trial.preset not in (None, BASELINE))
    beside = [*presets[: 1 if bounded else MOST_PRESETS], *(trial for trial in scored if trial.preset == BASELINE)]
    finished = sum(last in trial.scored for trial in searched)
    if bounded:
        count -= len(beside)
    best = searched[: min(max(finished, FEWEST_SEARCHED), max(count, 1))]
    numbers = dict.fromkeys(trial.number for trial in (*best, *sorted(beside, key=lambda trial: trial.number)))
    seeds = seeds_for(state, len(numbers))
    return Chosen(
        numbers=tuple(numbers), seeds=tuple(seed_of(state.settings.seed, "finalist", index) for index in range(seeds))
    )


def fewer_finalists(state: SearchState, chosen: Chosen, trainings: float) -> Chosen:
    """Reduce finalists to a number of trainings: a lower bound if they have one, else fewer seeds, then fewer designs.

    The best design, the best preset and the baseline always stay.
    """
    if chosen.trainings is not None:
        bound = min(chosen.trainings, int(trainings))
        return (
            chosen.model_copy(update={"trainings": bound}) if bound > 1 else Chosen(numbers=(), seeds=(), trainings=0)
        )
    seeds = max(1, min(len(chosen.seeds), int(trainings / len(chosen.numbers))))
    count = max(1, int(trainings / seeds))
    presets = [number for number in chosen.numbers if state.trials[number].preset is not None]
    best = sorted(presets, key=lambda number: -(state.trials[number].score or 0.0))[:1]
    baseline = [number for number in presets if state.trials[number].preset == BASELINE]
    affordable = dict.fromkeys((chosen.numbers[0], *best, *baseline))
    for number in chosen.numbers:
        if len(affordable) < count:
            affordable[number] = None
    numbers = tuple(number for number in chosen.numbers if number in affordable)
    return Chosen(numbers=numbers, seeds=chosen.seeds[:seeds])


def final_action(state: SearchState, chosen: Chosen) -> Action | None:
    """The next action of the final stage, or None at its end.

    Finalists are trained one seed after the other, so that some can retire; on a GPU, on all seeds at once, unless the
    trainings are bounded.
    """
    for index, seed in enumerate(chosen.seeds):
        trials, seeds = [state.trials[number] for number in chosen.numbers], chosen.seeds[index : index + 1]
        if chosen.trainings is not None:
            trials = next_round(state, chosen, index)
        elif state.gpus:
            seeds = chosen.seeds[index:]
        jobs = tuple(final_job(state, trial, seed) for trial in trials for seed in seeds if _to_train(trial, seed))
        if jobs:
            return Train(jobs)
        events = _retired(state, chosen, chosen.seeds[: index + 1])
        if events and index + 1 < len(chosen.seeds):
            return Decide(events)
    return None


def final_job(state: SearchState, trial: Trial, seed: int) -> Job:
    """The job that trains a finalist from scratch to the end on a seed."""
    return Job(
        number=trial.number,
        kind="finalist",
        rung=0,
        share=1.0,
        seed=seed,
        proposal=with_precision(trial.proposal, state.precision),
        weights=state.objective.task_weights,
    )


def _to_train(trial: Trial, seed: int) -> bool:
    return trial.retired is None and seed not in trial.finalist and trial.finalist_failed(seed) is None


def next_round(state: SearchState, chosen: Chosen, index: int) -> list[Trial]:
    """The designs that are trained on the seed of an index, if the trainings of the comparison are bounded.

    After the first seed, the designs nearest to the leader come first. They have all earlier seeds, so that they are
    paired with it; a lone design is not trained.
    """
    assert chosen.trainings is not None
    before = chosen.seeds[:index]
    trials = [state.trials[number] for number in chosen.numbers]
    spent = sum(
        seed in trial.finalist or trial.finalist_failed(seed) is not None for trial in trials for seed in before
    )
    paired = [trial for trial in trials if trial.retired is None and all(seed in trial.finalist for seed in before)]
    if before:
        means = {trial.number: fmean(state.final_values(trial, seed)[0] for seed in before) for trial in paired}
        paired.sort(key=lambda trial: (-means[trial.number], trial.number))
    group = paired[: max(chosen.trainings - spent, 0)]
    return group if len(group) > 1 else []


def _retired(state: SearchState, chosen: Chosen, seeds: Sequence[int]) -> tuple[Retired, ...]:
    """Retire finalists that are clearly behind on some seeds, except the baseline and the best preset."""
    if not (state.settings.racing and state.objective.single and len(seeds) > 1):
        return ()
    scores = {
        number: [state.final_values(trial, seed)[0] for seed in seeds]
        for number in chosen.numbers
        if all(seed in (trial := state.trials[number]).finalist for seed in seeds)
    }
    if len(scores) < 3:
        return ()
    means = {number: fmean(values) for number, values in scores.items()}
    error, freedom = _noise(scores)
    margin = float(stdtrit(freedom, CONFIDENCE)) * error * math.sqrt(2 / len(seeds))
    leader = max(means, key=lambda number: means[number])
    presets = [number for number in means if state.trials[number].preset not in (None, BASELINE)]
    safe = {leader, *sorted(presets, key=lambda number: -means[number])[:1]}
    return tuple(
        Retired(
            number=number,
            reason=f"{means[leader] - mean:.4f} behind {state.trials[leader].name} on {len(seeds)} seeds, "
            f"more than the {margin:.4f} that noise explains",
        )
        for number, mean in means.items()
        if means[leader] - mean > margin
        and number not in safe
        and state.trials[number].preset != BASELINE
        and state.trials[number].retired is None
    )


def _noise(scores: Mapping[int, Sequence[float]]) -> tuple[float, int]:
    """Residual standard deviation of scores after effects of designs and of seeds, and its degrees of freedom."""
    rows = list(scores.values())
    grand_mean = fmean(value for row in rows for value in row)
    columns = [fmean(row[index] for row in rows) for index in range(len(rows[0]))]
    squares = sum(
        (value - fmean(row) - column + grand_mean) ** 2
        for row in rows
        for value, column in zip(row, columns, strict=True)
    )
    freedom = (len(rows) - 1) * (len(columns) - 1)
    return math.sqrt(squares / freedom), freedom
