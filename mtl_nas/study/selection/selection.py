"""The end of a search: chooses the best finalist on fresh rows, scores the test split once, writes the model."""

import shutil
from collections.abc import Sequence
from statistics import fmean

from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.exports import is_whole
from mtl_nas.record import Best, Journal, RunFolder, Tested, Trial
from mtl_nas.scoring import SeedScore, paired_interval
from mtl_nas.study.objectives import within
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection.finalist_files import FinalistFiles


def finish(folder: RunFolder, journal: Journal[SearchState], data: Dataset) -> None:
    """Write the best finalist, test scores and diagnoses of all finalists, and the best model, unless they exist.

    Raises:
        RunError: No finalist was trained to the end.
    """
    state, files = journal.state, FinalistFiles(folder, data)
    finalists = state.finalists
    if not finalists:
        reasons = [trial.failures[-1].reason for trial in state.trials.values() if trial.failures]
        why = f"; the last failure: {reasons[-1]}" if reasons else ""
        raise RunError(f"no finalist in '{folder.path}' was trained to the end{why}")
    if state.best is None:
        candidates = [trial for trial in finalists if within(state.settings.limits, trial)] or finalists
        winner, reason = best_finalist(state, candidates, files)
        journal.write(Best(number=winner.number, seed=winner.best_seed, reason=reason))
    seeds = state.chosen.seeds if state.chosen is not None else None
    for trial in finalists:
        if not trial.tested:
            first = next(seed for seed in seeds or trial.finalist if seed in trial.finalist)
            scores = files.test(trial)
            journal.write(Tested(number=trial.number, scores=scores, diagnosis=files.diagnose(trial, first)))
    assert state.best is not None
    if not is_whole(folder.best):
        trial = state.trials[state.best.number]
        files.model(trial, state.best.seed).export(folder.best, about=files.about(trial))
    shutil.rmtree(folder.states, ignore_errors=True)  # no job will continue from them


def best_finalist(state: SearchState, finalists: Sequence[Trial], files: FinalistFiles) -> tuple[Trial, str]:
    """The best finalist by the first objective, and the reason.

    The mean over seeds on the choosing rows decides among finalists with most seeds. Ties with the best of them are
    broken by the mean on all validation rows, which are twice as many, but half of which the search used for its
    decisions.
    """
    means = {trial.number: state.final_mean(trial) for trial in finalists}
    most = max(len(trial.finalist) for trial in finalists)
    raced = [trial for trial in finalists if len(trial.finalist) == most]
    best = max(raced, key=lambda trial: (means[trial.number], -trial.number))
    scores = {trial.number: comparable_scores(state, trial, files) for trial in finalists}
    tied = [trial for trial in finalists if paired_interval(scores[trial.number], scores[best.number]).tie]
    if len(tied) == 1:
        return best, f"mean {means[best.number]:.4f} on the choosing rows, better than every other finalist"
    weights = state.objective.task_weights
    wider = {trial.number: fmean(files.validation_scores(trial, weights)) for trial in tied}
    winner = max(tied, key=lambda trial: (wider[trial.number], -trial.number))
    names = ", ".join(trial.name for trial in tied if trial is not winner)
    return winner, f"ties with {names} on the choosing rows; mean {wider[winner.number]:.4f} on all validation rows"


def comparable_scores(state: SearchState, trial: Trial, files: FinalistFiles) -> list[SeedScore]:
    """The scores on the choosing rows, one per seed; for the aim ``worst``, the gains of the task that gains least."""
    baseline = state.baseline
    if state.objective.aims[0] != "worst" or baseline is None or not baseline.finalist:
        return files.seed_scores(trial, weights=state.objective.task_weights)
    gains = []
    for task in files.data.schema.task_names:
        pairs = zip(files.seed_scores(trial, tasks=[task]), files.seed_scores(baseline, tasks=[task]), strict=False)
        gains.append([score - reference for score, reference in pairs])
    return min(filter(None, gains), key=lambda scores: fmean(gain.score for gain in scores), default=[])
