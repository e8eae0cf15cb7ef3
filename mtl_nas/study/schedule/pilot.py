"""The pilot: the first trials, all trained to the end, some of them on two seeds.

They measure how much scores vary between seeds and between designs on a data set, and whether a rung orders designs as
full trainings do. The rungs and finalists of the search follow from that.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
import pandas as pd
from scipy.special import fdtrc

from mtl_nas.record import Piloted, Promoted, Trial
from mtl_nas.study.schedule.actions import Action, Decide, Propose, Train, trial_job
from mtl_nas.study.schedule.budget import final_stage, first_origins, pilot_size
from mtl_nas.study.search_state import SearchState

DESIGN_SHARE = 0.6  # share of the pilot's trainings that are new designs; the others are replicates
LEAST_CORRELATION = 0.5  # rank correlation with full trainings that a rung must have to stop trials
INTERVAL_WIDTH = 1.96  # standard errors of a correlation; a rung is used if its confidence interval allows it
OUTLIER_DISTANCE = 3.0  # interquartile ranges below the first quartile from which a training counts as failed
SIGNIFICANCE = 0.05  # p-value below which designs differ


def pilot_action(state: SearchState) -> Action | None:
    """The pilot's next action, or None if there is no pilot or it is over."""
    size = pilot_size(state.settings)
    if size < 2 or state.pilot is not None or state.closed is not None:
        return None
    designs = math.ceil(DESIGN_SHARE * size)
    trained = state.trained
    for origin in first_origins(state)[: math.ceil(designs / 2)]:
        if all(trial.proposed.origin != origin for trial in trained):
            return Propose(origin)
    originals = [trial for trial in trained if not trial.proposed.replicate]
    if len(originals) < designs:
        return Propose()
    replicates = sum(len(state.replicates.get(trial.number, ())) for trial in originals)
    if replicates < size - designs:
        return Propose(replicate_of=originals[replicates % designs].number)
    waiting = [trial for trial in trained if not state.settled(trial)]
    lowest = min((trial.rung for trial in waiting), default=0)  # the rung of all, unless a crash cut promotions short
    at_lowest = [trial for trial in waiting if trial.rung == lowest]
    if jobs := tuple(trial_job(state, trial) for trial in at_lowest if lowest not in trial.scored):
        return Train(jobs)
    if at_lowest:
        reason = "of the pilot: trained to the end"
        return Decide(tuple(Promoted(number=trial.number, rung=lowest + 1, reason=reason) for trial in at_lowest))
    return Decide((measured(state),))


def measured(state: SearchState) -> Piloted:
    """Noise, spread and rank correlations of the pilot's trials, and the rungs and finalists that follow from them."""
    last = len(state.settings.rungs) - 1
    trials = [trial for trial in state.trained if last in trial.scored]
    groups: dict[int, list[float]] = {}
    for trial in trials:
        groups.setdefault(trial.original, []).append(_score(trial, last))
    noise, spread, matters = _variances(_without_failed(list(groups.values())))
    correlations = {rung: _rank_correlation(trials, rung, last) for rung in range(last)}
    trusted = tuple(rung for rung, value in correlations.items() if _trustworthy(value, len(trials)))
    finalists, seeds = final_stage(state.settings, noise_ratio=noise / spread if spread else math.inf)
    return Piloted(
        noise=noise,
        spread=spread,
        correlations=correlations,
        rungs=(*trusted, last),
        finalists=finalists,
        seeds=seeds,
        reason="; ".join(
            [
                f"seeds move the score by {noise:.4f}, designs by {spread:.4f} (standard deviations)",
                _verdict(noise, spread, matters),
                *_rung_sentences(state, correlations, trusted),
            ]
        ),
    )


def _trustworthy(correlation: float, trials: int) -> bool:
    """Whether the upper end of the correlation's interval (Fisher's transformation) reaches the least correlation."""
    if abs(correlation) >= 1.0 or trials < 4:
        return correlation >= LEAST_CORRELATION or trials < 4
    return math.tanh(math.atanh(correlation) + INTERVAL_WIDTH / math.sqrt(trials - 3)) >= LEAST_CORRELATION


def _score(trial: Trial, rung: int) -> float:
    return trial.scored[rung].score


def _without_failed(groups: Sequence[list[float]]) -> list[list[float]]:
    """The groups without low outliers, as a single R2 of -1000 would hide every difference."""
    if not groups:
        return []
    low, high = np.quantile([value for group in groups for value in group], [0.25, 0.75])
    return [group for group in groups if min(group) >= low - OUTLIER_DISTANCE * (high - low)]


def _variances(groups: Sequence[Sequence[float]]) -> tuple[float, float, bool]:
    """Standard deviation within groups, that between groups net of it, and whether groups differ (F test)."""
    within = [sum((value - fmean(group)) ** 2 for value in group) for group in groups]
    freedom = sum(len(group) - 1 for group in groups)
    noise = sum(within) / freedom if freedom else 0.0
    means = [fmean(group) for group in groups]
    if len(means) < 2:
        return math.sqrt(noise), 0.0, False
    share = fmean(1 / len(group) for group in groups)  # variance of a group's mean over that of a score, by noise
    between = float(np.var(means, ddof=1))
    spread = max(between - noise * share, 0.0)
    ratio = between / (noise * share) if noise else math.inf
    matters = freedom > 0 and float(fdtrc(len(means) - 1, freedom, ratio)) < SIGNIFICANCE
    return math.sqrt(noise), math.sqrt(spread), matters


def _rank_correlation(trials: Sequence[Trial], rung: int, last: int) -> float:
    pairs = [(_score(trial, rung), _score(trial, last)) for trial in trials if rung in trial.scored]
    if len({low for low, _ in pairs}) < 2 or len({high for _, high in pairs}) < 2:
        return 0.0
    return float(np.corrcoef(pd.DataFrame(pairs).rank(), rowvar=False)[0, 1])  # Spearman's


def _verdict(noise: float, spread: float, matters: bool) -> str:
    if spread < noise / 2:
        return "architecture hardly matters here"
    return "architecture matters here" if matters else "whether architecture matters is not clear yet"


def _rung_sentences(state: SearchState, correlations: Mapping[int, float], trusted: Sequence[int]) -> list[str]:
    return [
        f"rung {rung} ({state.settings.rungs[rung]:.2f} of the work) ranks as full trainings do with correlation "
        f"{value:.2f} and {'is used' if rung in trusted else 'is not used to stop trials'}"
        for rung, value in correlations.items()
    ]
