"""The first trials: trained to the end whatever their scores, some of them twice.

They tell how much seeds alone move a score on this table, how much designs do, and whether a rung's order is that of
full trainings; rungs and finalists follow from that.
"""

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pandas as pd
from scipy.special import fdtrc

from mtl_nas.record.events import Piloted, Promoted
from mtl_nas.record.state import Standing, Trial
from mtl_nas.study.schedule.actions import Ask, Decide, Step, Train, trial_job
from mtl_nas.study.schedule.budget import Plan, finals

DESIGNS = 0.6  # of the pilot's trainings, the others are replicates
WORTH = 0.5  # rank correlation with full trainings that a rung must have to stop trials
DOUBT = 1.96  # standard errors: a rung is given up where it clearly has less, as few trials tell it roughly
FAR = 3.0  # interquartile ranges below the first quartile: it did not train at all, and says nothing of noise
SURE = 0.05  # chance to take noise for a difference between designs


def pilot_step(standing: Standing, plan: Plan) -> Step | None:
    """The pilot's next step, None where there is none or it is over."""
    if plan.pilot < 2 or standing.pilot is not None or standing.closed is not None:
        return None
    designs = math.ceil(DESIGNS * plan.pilot)
    trained = standing.trained
    for name in plan.tried_presets[: math.ceil(designs / 2)]:
        if all(trial.preset != name for trial in trained):
            return Ask(preset=name)
    originals = [trial for trial in trained if not trial.proposed.replicate]
    if len(originals) < designs:
        return Ask()
    copied = sum(len(standing.copies.get(trial.number, ())) for trial in originals)
    if copied < plan.pilot - designs:
        return Ask(again=originals[copied % designs].number)
    waiting = [trial for trial in trained if not plan.settled(trial)]
    lowest = min((trial.rung for trial in waiting), default=0)  # that of all, unless promotions are half written
    there = [trial for trial in waiting if trial.rung == lowest]
    if jobs := tuple(trial_job(standing, plan, trial) for trial in there if lowest not in trial.scored):
        return Train(jobs)
    if there:
        reason = "of the pilot: trained to the end"
        return Decide(tuple(Promoted(number=trial.number, rung=lowest + 1, reason=reason) for trial in there))
    return Decide((measured(standing, plan),))


def measured(standing: Standing, plan: Plan) -> Piloted:
    """Noise, spread and rank correlations of the pilot's trials, and what they ask for."""
    last = len(plan.budget.rungs) - 1
    trials = [trial for trial in standing.trained if last in trial.scored]
    groups: dict[int, list[float]] = {}
    for trial in trials:
        groups.setdefault(trial.original, []).append(_score(trial, last))
    noise, spread, matters = _variances(_sound(list(groups.values())))
    correlations = {rung: _rank_correlation(trials, rung, last) for rung in range(last)}
    kept = tuple(rung for rung, value in correlations.items() if _worth(value, len(trials)))
    finalists, seeds = finals(plan.budget, ratio=noise / spread if spread else math.inf)
    return Piloted(
        noise=noise,
        spread=spread,
        correlations=correlations,
        rungs=(*kept, last),
        finalists=finalists,
        seeds=seeds,
        reason="; ".join(_sentences(noise, spread, matters, correlations, kept, plan)),
    )


def _worth(correlation: float, trials: int) -> bool:
    """The upper end of its interval (Fisher's transformation) reaches what a rung must have."""
    if abs(correlation) >= 1.0 or trials < 4:
        return correlation >= WORTH or trials < 4
    return math.tanh(math.atanh(correlation) + DOUBT / math.sqrt(trials - 3)) >= WORTH


def _score(trial: Trial, rung: int) -> float:
    return trial.scored[rung].score


def _sound(groups: Sequence[list[float]]) -> list[list[float]]:
    """Without designs of which a training failed in all but name: one R2 of -1000 would hide every difference."""
    if not groups:
        return []
    low, high = np.quantile([value for group in groups for value in group], [0.25, 0.75])
    return [group for group in groups if min(group) >= low - FAR * (high - low)]


def _variances(groups: Sequence[Sequence[float]]) -> tuple[float, float, bool]:
    """Standard deviation within groups, between them without it, and whether the second is above the first's chance."""
    within = [sum((value - fmean(group)) ** 2 for value in group) for group in groups]
    freedom = sum(len(group) - 1 for group in groups)
    noise = sum(within) / freedom if freedom else 0.0
    means = [fmean(group) for group in groups]
    if len(means) < 2:
        return math.sqrt(noise), 0.0, False
    share = fmean(1 / len(group) for group in groups)  # of the noise that is in a group's mean
    between = float(np.var(means, ddof=1))
    spread = max(between - noise * share, 0.0)
    ratio = between / (noise * share) if noise else math.inf
    matters = freedom > 0 and float(fdtrc(len(means) - 1, freedom, ratio)) < SURE
    return math.sqrt(noise), math.sqrt(spread), matters


def _rank_correlation(trials: Sequence[Trial], rung: int, last: int) -> float:
    pairs = [(_score(trial, rung), _score(trial, last)) for trial in trials if rung in trial.scored]
    if len({low for low, _ in pairs}) < 2 or len({high for _, high in pairs}) < 2:
        return 0.0
    return float(np.corrcoef(pd.DataFrame(pairs).rank(), rowvar=False)[0, 1])  # Spearman's


def _sentences(
    noise: float, spread: float, matters: bool, correlations: dict[int, float], kept: tuple[int, ...], plan: Plan
) -> list[str]:
    found = [f"seeds move the score by {noise:.4f}, designs by {spread:.4f} (standard deviations)"]
    if spread < noise / 2:
        found.append("architecture hardly matters here")
    elif not matters:
        found.append("whether architecture matters is not clear yet")
    else:
        found.append("architecture matters here")
    for rung, value in correlations.items():
        share = f"{plan.budget.rungs[rung]:.2f} of the work"
        verdict = "is used" if rung in kept else "is not used to stop trials"
        found.append(f"rung {rung} ({share}) ranks as full trainings do with correlation {value:.2f} and {verdict}")
    return found
