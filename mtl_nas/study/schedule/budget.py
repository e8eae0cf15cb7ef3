"""The work that the budget of a search allows, and the work done, in full trainings."""

from mtl_nas.record import Budget, Trial
from mtl_nas.study.search_state import SearchState

FEWEST_PRESETS = 5  # presets that a search without a portfolio tries even if they are more than half of its trials
FEWEST_FIRST = 3  # proposals of the portfolio, and presets beside it, that the smallest search tries
PORTFOLIO_SHARE, PRESET_SHARE = (
    1 / 3,
    1 / 4,
)  # largest shares of the trials of proposals of the portfolio and of presets
LARGE_SEARCH = 50.0  # work in full trainings from which a search has a pilot by default
SMALLEST_PILOT = 8  # full trainings of a default pilot; fewer measure neither noise nor correlations
FINAL_SHARE = 0.2  # share of the work under ``trainings`` that is reserved for finalists
COMPARISON_SHARE = 1 / 3  # largest share of the work of a quick comparison


def total_work(budget: Budget) -> float:
    """An estimate of the work of the whole search."""
    if budget.trainings is not None:
        return budget.trainings
    trials = budget.proposals * budget.cost
    if budget.compare == "full":
        return trials + budget.finalists * budget.seeds
    return trials / (1 - COMPARISON_SHARE) if budget.compare == "quick" else trials


def pilot_size(budget: Budget) -> int:
    """Full trainings of the pilot, replicates included; 0 if there is none.

    A search whose time is bounded has none unless it is asked for, as it would take the time of the first results.
    """
    if budget.pilot is not None or budget.time is not None:
        return budget.pilot or 0
    work = total_work(budget)
    return max(SMALLEST_PILOT, round(work / 10)) if work >= LARGE_SEARCH and len(budget.rungs) > 1 else 0


def final_stage(budget: Budget, *, noise_ratio: float = 1.0) -> tuple[int, int]:
    """The number of finalists and of seeds.

    ``noise_ratio`` is the standard deviation of scores between seeds over that between designs, from the pilot if there
    is one. The larger it is, the more seeds are needed to compare designs.
    """
    if budget.trainings is None:
        finalists, seeds = budget.finalists, budget.seeds
        return (finalists, max(seeds, 5)) if noise_ratio > 2.0 else (finalists, seeds)
    if budget.trainings < 10:
        seeds = 1  # more seeds would leave work for one finalist only
    elif budget.trainings < 40 or noise_ratio < 0.25:
        seeds = 2
    else:
        seeds = 3 if budget.trainings < 300 and noise_ratio <= 2.0 else 5
    return min(max(round(FINAL_SHARE * budget.trainings / seeds), 3), 10), seeds


def first_origins(state: SearchState) -> tuple[str, ...]:
    """What the search tries before its sampler: the baseline, proposals of the portfolio, then presets.

    Without a portfolio, presets are at most half of its trials, or five.
    """
    trials = state.settings.proposals
    if not state.portfolio:
        return tuple(f"preset:{name}" for name in state.presets[: max(FEWEST_PRESETS, trials // 2)])
    presets = state.presets[: max(FEWEST_FIRST, int(trials * PRESET_SHARE))]
    origins = [f"preset:{name}" for name in presets]
    for name in reversed(state.portfolio[: max(FEWEST_FIRST, int(trials * PORTFOLIO_SHARE))]):
        origins.insert(1, f"portfolio:{name}")
    return tuple(origins)


def untried_origin(state: SearchState) -> str | None:
    """The origin of the proposal to try next, if there is one that does not come from the sampler."""
    return next((origin for origin in first_origins(state) if origin not in state.by_origin), None)


def rungs_in_use(state: SearchState) -> tuple[int, ...]:
    """All rungs, or after a pilot those that it found reliable."""
    return tuple(range(len(state.settings.rungs))) if state.pilot is None else state.pilot.rungs


def next_rung(state: SearchState, trial: Trial) -> int:
    """The rung to which a trial is trained next."""
    return next(rung for rung in rungs_in_use(state) if rung >= trial.rung)


def planned_finals(state: SearchState) -> tuple[int, int]:
    """The number of finalists and of seeds by the budget, or by the pilot."""
    if state.pilot is not None:
        return state.pilot.finalists, state.pilot.seeds
    return final_stage(state.settings)


def reserved_work(state: SearchState) -> float:
    """Full trainings of the work under ``trainings`` that are kept for the comparison of designs."""
    finalists, seeds = planned_finals(state)
    match state.settings.compare, state.settings.trainings:
        case "none", _:
            return 0.0
        case "quick", float(trainings):
            return min(finalists * seeds, int(COMPARISON_SHARE * trainings))
    return finalists * seeds


def comparison_trainings(state: SearchState) -> int:
    """The most full trainings of a quick comparison: a third of all work, of which the trials are the other part."""
    if state.settings.trainings is not None:
        return int(reserved_work(state))
    return int(work_of_trials(state) * COMPARISON_SHARE / (1 - COMPARISON_SHARE) + 1e-9)


def work_left(state: SearchState) -> float:
    """Full trainings that are left before the finalists; infinite without the option ``trainings``."""
    if state.settings.trainings is None:
        return float("inf")
    return state.settings.trainings - reserved_work(state) - state.rows / state.full_rows


def work_underway(state: SearchState) -> float:
    """Full trainings of jobs that are decided and not done."""
    shares = state.settings.rungs
    targets = ((trial, next_rung(state, trial)) for trial in state.trained if not state.settled(trial))
    return sum(
        shares[rung] - (shares[max(trial.scored)] if trial.scored else 0.0)
        for trial, rung in targets
        if rung not in trial.scored
    )


def proposals_left(state: SearchState) -> int:
    """Further proposals that the budget allows."""
    if state.closed is not None:
        return 0
    if state.settings.trainings is None:
        return state.settings.proposals - sum(not trial.proposed.taken_over for trial in state.trained)
    new = sum(not trial.scored and trial.failed is None for trial in state.trained)
    return max(0, int(work_left(state) / state.settings.cost) - new)


def work_of_trials(state: SearchState) -> float:
    """Full trainings of trials that are done, by the rungs that they reached."""
    scored = [trial for trial in state.trained if trial.scored and not trial.proposed.taken_over]
    return sum(state.settings.rungs[max(trial.scored)] for trial in scored)


def work_done(state: SearchState) -> float:
    """Full trainings done, finalists included."""
    return work_of_trials(state) + sum(len(trial.finalist) for trial in state.trained)


def expected_work(state: SearchState) -> float:
    """An estimate of the full trainings of the whole search, from its state."""
    budget = state.settings
    if budget.trainings is not None:
        return budget.trainings
    count = float(len(state.trained) if state.closed else max(budget.proposals, len(state.trained)))
    trials = 0.0
    for step in budget.steps:
        trials += count * step
        count = max(count / budget.reduction, 2.0)
    if state.chosen is not None and state.chosen.trainings is not None:
        return trials + state.chosen.trainings
    if budget.compare != "full":
        return trials / (1 - COMPARISON_SHARE) if budget.compare == "quick" else trials
    presets = sum(trial.preset is not None for trial in state.trained)
    designs = len(state.chosen.numbers) if state.chosen else budget.finalists + presets
    return trials + designs * budget.seeds
