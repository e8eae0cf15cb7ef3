"""What to do next, as a pure function of what is known: synchronous halving in cohorts, then finalists.

A cohort is proposed, trained to the first rung, and only when all of it has arrived are its best promoted: those
among the best ``1 / reduction`` of all trials that reached that rung. So arrival order never matters, and the same
seed decides the same with any number of workers. The single-task preset (the yardstick of gain) and the best preset
are never cut.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mtl_nas.record.facts import Chosen, Fact, Promoted, Stopped
from mtl_nas.record.request import Budget
from mtl_nas.record.trials import Standing, Trial
from mtl_nas.study.jobs import Job, seed_of

YARDSTICK = "single_task"
HAND_DESIGNS = 3  # finalists at most beside the yardstick, the best ones
FEWEST_PRESETS = 5  # tried in a search of few trials, which presets would fill otherwise
SEARCHED = 2  # finalists at least, where so many have a score: hand designs alone would say nothing about the space


@dataclass(frozen=True)
class Ask:
    """Propose the next trial."""

    preset: str | None  # by name, or None for the sampler's choice


@dataclass(frozen=True)
class Train:
    """Jobs that may run side by side; empty means that all that are left are running."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Decide:
    """Facts that have become true."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Finish:
    """Every job is done: open the test split, write the best."""


Step = Ask | Train | Decide | Finish


def next_step(standing: Standing, budget: Budget, presets: Sequence[str], seed: int) -> Step:
    """What a run at this standing does next; the presets are tried in their order, in half of the trials at most."""
    presets = presets[: max(FEWEST_PRESETS, budget.trials // 2)]
    if standing.chosen is not None:
        jobs = _finalist_jobs(standing, standing.chosen)
        return Train(jobs) if jobs else Finish()
    proposed = {trial.preset for trial in standing.trials.values()}
    open_ = standing.closed is None
    for name in presets:
        if name not in proposed and open_:
            return Ask(name)
    if open_ and len(standing.trained) < _boundary(standing, budget, len(presets)):
        return Ask(None)
    jobs = _trial_jobs(standing, budget, seed)
    if jobs:
        return Train(jobs)
    facts = _barrier(standing, budget)
    if facts:
        return Decide(facts)
    if open_ and len(standing.trained) < budget.trials:
        return Ask(None)
    return Decide((chosen(standing, budget, seed),))


def _boundary(standing: Standing, budget: Budget, presets: int) -> int:
    """How many trials come before the barrier in force: the presets and a cohort, then a cohort more each time."""
    settled = sum(_settled(trial, budget) for trial in standing.trained)
    boundary = presets + budget.cohort
    while boundary <= settled:
        boundary += budget.cohort
    return min(boundary, max(budget.trials, presets))


def _settled(trial: Trial, budget: Budget) -> bool:
    return trial.failed is not None or trial.stopped is not None or len(budget.rungs) - 1 in trial.scored


def _trial_jobs(standing: Standing, budget: Budget, seed: int) -> tuple[Job, ...]:
    last = len(budget.rungs) - 1
    waiting = [trial for trial in standing.trained if not _settled(trial, budget)]
    lowest = min((trial.rung for trial in waiting), default=0)  # that of all, unless a barrier is half written
    return tuple(
        Job(
            number=trial.number,
            kind="trial",
            rung=trial.rung,
            share=budget.rungs[trial.rung],
            from_rung=trial.rung - 1 if trial.rung else None,
            keep_state=trial.rung < last,
            seed=seed_of(seed, "train", trial.proposed.proposal_key),
            proposal=trial.proposal,
        )
        for trial in waiting
        if trial.rung == lowest and lowest not in trial.scored
    )


def _barrier(standing: Standing, budget: Budget) -> tuple[Fact, ...]:
    """Promotions and stops at the lowest rung where a cohort waits; nothing where none waits."""
    waiting = [trial for trial in standing.trained if not _settled(trial, budget)]
    if not waiting:
        return ()
    rung = min(trial.rung for trial in waiting)
    reached = sorted(
        (trial for trial in standing.trained if rung in trial.scored),
        key=lambda trial: (-trial.scored[rung].score, trial.number),
    )
    places = math.ceil(len(reached) / budget.reduction)
    cut = reached[places - 1].scored[rung].score
    best_preset = next((trial for trial in reached if trial.preset is not None), None)
    facts: list[Fact] = []
    for trial in (trial for trial in waiting if trial.rung == rung):
        rank = reached.index(trial) + 1
        standing_text = f"rank {rank} of {len(reached)} at rung {rung}"
        if rank <= places:
            facts.append(Promoted(number=trial.number, rung=rung + 1, reason=f"within cut {cut:.4f} ({standing_text})"))
        elif trial is best_preset or trial.preset == YARDSTICK:
            why = "the best preset" if trial is best_preset else "the yardstick of gain"
            facts.append(Promoted(number=trial.number, rung=rung + 1, reason=f"{why} ({standing_text})"))
        else:
            facts.append(Stopped(number=trial.number, rung=rung, reason=f"below cut {cut:.4f} ({standing_text})"))
    return tuple(facts)


def chosen(standing: Standing, budget: Budget, seed: int) -> Chosen:
    """The best searched trials, the best hand designs and the yardstick, so that one table holds them all.

    Searched trials are those at the last rung; of fewer than two, the best at the highest rungs below join them.
    """
    last = len(budget.rungs) - 1
    scored = [trial for trial in standing.trained if trial.failed is None and trial.scored]
    searched = sorted((trial for trial in scored if trial.preset is None), key=_far_and_good)
    finished = sum(last in trial.scored for trial in searched)
    best = searched[: min(max(finished, SEARCHED), budget.finalists)]
    hand = sorted((trial for trial in scored if trial.preset not in (None, YARDSTICK)), key=_far_and_good)
    kept = [*hand[:HAND_DESIGNS], *(trial for trial in scored if trial.preset == YARDSTICK)]
    presets = sorted(kept, key=lambda trial: trial.number)
    members = dict.fromkeys(trial.number for trial in (*best, *presets))
    seeds = tuple(seed_of(seed, "finalist", index) for index in range(budget.seeds))
    return Chosen(numbers=tuple(members), seeds=seeds)


def _far_and_good(trial: Trial) -> tuple[int, float, int]:
    """The highest rung first, there the best score; scores of different rungs do not compare."""
    rung = max(trial.scored)
    return -rung, -trial.scored[rung].score, trial.number


def within(decided: Chosen, standing: Standing, trainings: float) -> Chosen:
    """As many of the finalists as so many trainings allow: fewer seeds first, then fewer designs.

    The best design, the best preset and the yardstick stay whatever it costs.
    """
    seeds = max(1, min(len(decided.seeds), int(trainings / len(decided.numbers))))
    count = max(1, int(trainings / seeds))
    presets = [number for number in decided.numbers if standing.trials[number].preset is not None]
    best = sorted(presets, key=lambda number: -(standing.trials[number].score or 0.0))[:1]
    yardstick = [number for number in presets if standing.trials[number].preset == YARDSTICK]
    kept = dict.fromkeys((decided.numbers[0], *best, *yardstick))
    for number in decided.numbers:
        if len(kept) < count:
            kept[number] = None
    return Chosen(numbers=tuple(number for number in decided.numbers if number in kept), seeds=decided.seeds[:seeds])


def _finalist_jobs(standing: Standing, decided: Chosen) -> tuple[Job, ...]:
    return tuple(
        Job(number=number, kind="finalist", rung=0, share=1.0, seed=seed, proposal=standing.trials[number].proposal)
        for seed in decided.seeds
        for number in decided.numbers
        if seed not in standing.trials[number].finalist and standing.trials[number].finalist_failed(seed) is None
    )
