"""The designs that are trained again on fresh seeds, and the race among them."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from scipy.special import stdtrit

from mtl_nas.record.events import Chosen, Retired
from mtl_nas.record.state import Standing, Trial
from mtl_nas.study.jobs import Job, seed_of
from mtl_nas.study.objectives.objective import BASELINE
from mtl_nas.study.schedule.actions import Decide, Step, Train
from mtl_nas.study.schedule.budget import Plan
from mtl_nas.study.schedule.leftover_budget import seeds_for

PRESETS_KEPT = 3  # finalists at most beside the baseline, the best ones
SEARCHED = 2  # finalists at least, where so many have a score: presets alone would say nothing about the space
BEHIND = 0.975  # one-sided confidence that a finalist is behind the leader


def chosen(standing: Standing, plan: Plan) -> Chosen:
    """The best searched trials, the best presets and the baseline, so that one table holds them all.

    Searched trials are those at the last rung; of fewer than two, the best at the highest rungs below join them. Where
    the work is bounded there is room for the best preset alone beside the baseline.
    """
    count, _ = plan.finals(standing)
    bounded = plan.budget.trainings is not None
    last = len(plan.budget.rungs) - 1
    scored = [
        trial for trial in standing.trained if trial.failed is None and trial.scored and not trial.proposed.replicate
    ]
    searched = plan.goal.far_and_good(standing, (trial for trial in scored if trial.preset is None))
    hand = plan.goal.far_and_good(standing, (trial for trial in scored if trial.preset not in (None, BASELINE)))
    kept = [*hand[: 1 if bounded else PRESETS_KEPT], *(trial for trial in scored if trial.preset == BASELINE)]
    finished = sum(last in trial.scored for trial in searched)
    if bounded:
        count -= len(kept)
    best = searched[: min(max(finished, SEARCHED), max(count, 1))]
    presets = sorted(kept, key=lambda trial: trial.number)
    members = dict.fromkeys(trial.number for trial in (*best, *presets))
    seeds = seeds_for(standing, plan, len(members))
    return Chosen(numbers=tuple(members), seeds=tuple(seed_of(plan.seed, "finalist", index) for index in range(seeds)))


def within(decided: Chosen, standing: Standing, trainings: float) -> Chosen:
    """As many of the finalists as so many trainings allow: fewer seeds first, then fewer designs.

    The best design, the best preset and the baseline stay whatever it costs.
    """
    seeds = max(1, min(len(decided.seeds), int(trainings / len(decided.numbers))))
    count = max(1, int(trainings / seeds))
    presets = [number for number in decided.numbers if standing.trials[number].preset is not None]
    best = sorted(presets, key=lambda number: -(standing.trials[number].score or 0.0))[:1]
    baseline = [number for number in presets if standing.trials[number].preset == BASELINE]
    kept = dict.fromkeys((decided.numbers[0], *best, *baseline))
    for number in decided.numbers:
        if len(kept) < count:
            kept[number] = None
    return Chosen(numbers=tuple(number for number in decided.numbers if number in kept), seeds=decided.seeds[:seeds])


def final_step(standing: Standing, plan: Plan, decided: Chosen) -> Step | None:
    """The next step of the final stage, a seed after the other, or all where they are done as one; None at its end."""
    trials = [standing.trials[number] for number in decided.numbers]
    for round_, seed in enumerate(decided.seeds):
        seeds = decided.seeds[round_:] if plan.gpus else (seed,)
        jobs = tuple(_job(trial, plan, seed) for trial in trials for seed in seeds if _runs(trial, seed))
        if jobs:
            return Train(jobs)
        events = _retired(standing, plan, decided, decided.seeds[: round_ + 1])
        if events and round_ + 1 < len(decided.seeds):
            return Decide(events)
    return None


def _runs(trial: Trial, seed: int) -> bool:
    return trial.retired is None and seed not in trial.finalist and trial.finalist_failed(seed) is None


def _job(trial: Trial, plan: Plan, seed: int) -> Job:
    return Job(
        number=trial.number,
        kind="finalist",
        rung=0,
        share=1.0,
        seed=seed,
        proposal=plan.settled_proposal(trial),
        weights=plan.goal.weights,
    )


def _retired(standing: Standing, plan: Plan, decided: Chosen, seeds: Sequence[int]) -> tuple[Retired, ...]:
    """Finalists that are clearly behind after these seeds, all but the baseline and the best preset."""
    if not (plan.budget.racing and plan.goal.single and len(seeds) > 1):
        return ()
    scores = {
        number: [plan.goal.final_value(standing, trial, seed) for seed in seeds]
        for number in decided.numbers
        if all(seed in (trial := standing.trials[number]).finalist for seed in seeds)
    }
    if len(scores) < 3:
        return ()
    means = {number: fmean(values) for number, values in scores.items()}
    error, freedom = _noise(scores)
    margin = float(stdtrit(freedom, BEHIND)) * error * math.sqrt(2 / len(seeds))
    leader = max(means, key=lambda number: means[number])
    hand = [number for number in means if standing.trials[number].preset not in (None, BASELINE)]
    kept = {leader, *sorted(hand, key=lambda number: -means[number])[:1]}
    return tuple(
        Retired(
            number=number,
            reason=f"{means[leader] - mean:.4f} behind {standing.trials[leader].name} on {len(seeds)} seeds, "
            f"more than the {margin:.4f} that noise explains",
        )
        for number, mean in means.items()
        if means[leader] - mean > margin
        and number not in kept
        and standing.trials[number].preset != BASELINE
        and standing.trials[number].retired is None
    )


def _noise(scores: Mapping[int, Sequence[float]]) -> tuple[float, int]:
    """Standard deviation of a score that neither its design nor its seed explains, and its degrees of freedom."""
    rows = list(scores.values())
    whole = fmean(value for row in rows for value in row)
    columns = [fmean(row[place] for row in rows) for place in range(len(rows[0]))]
    squares = sum(
        (value - fmean(row) - column + whole) ** 2 for row in rows for value, column in zip(row, columns, strict=True)
    )
    freedom = (len(rows) - 1) * (len(columns) - 1)
    return math.sqrt(squares / freedom), freedom
