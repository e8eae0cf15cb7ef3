"""The end of a search: chooses the model that is taken away, scores the test split once, and writes the models."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.exports import Model, is_whole
from mtl_nas.record import Best, Journal, NetworkName, RunFolder, Tested
from mtl_nas.scoring import luck_of_choice
from mtl_nas.study.schedule.best_network import best_of, final_values
from mtl_nas.study.schedule.comparison import compared_networks
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection.ensemble import EnsembleChoice, choose_ensemble, ensemble_model, ensembled
from mtl_nas.study.selection.finalist_files import FinalistFiles


@dataclass(frozen=True)
class Choice:
    """The best single network, the ensemble if there is one, and which of both is taken away."""

    single: NetworkName
    ensemble: EnsembleChoice | None
    takes_ensemble: bool
    reason: str


def finish(folder: RunFolder, journal: Journal[SearchState], data: Dataset) -> None:
    """Write the best models, test scores and diagnoses of the designs that are compared, unless they exist.

    ``best/`` is replaced before its event is recorded: a search that is cut in between chooses the same again.

    Raises:
        RunError: No network was trained.
    """
    state, files = journal.state, FinalistFiles(folder, data)
    if not final_values(state):
        reasons = [trial.failures[-1].reason for trial in state.trials.values() if trial.failures]
        why = f"; the last failure: {reasons[-1]}" if reasons else ""
        raise RunError(f"no design in '{folder.path}' was trained to the end{why}")
    ensemble = choose_ensemble(state, files) if state.settings.ensemble and state.ensembled is None else None
    if state.best is None:
        choice = chosen_model(state, files, ensemble)
        for path, model, about in _models(folder, state, files, choice):
            files.write(model, path, about=about)
        single = choice.single
        journal.write(
            Best(
                number=single.number,
                seed=single.seed,
                rung=single.rung,
                ensemble=choice.takes_ensemble,
                reason=choice.reason,
            )
        )
    best = state.best
    assert best is not None
    _test(journal, files, NetworkName(best.number, best.seed, best.rung), ensemble)
    if ensemble is not None and state.ensembled is None:
        journal.write(ensembled(state, files, ensemble))
    choice = Choice(NetworkName(best.number, best.seed, best.rung), ensemble, best.ensemble, best.reason)
    for path, model, about in _models(folder, state, files, choice, missing=True):
        files.write(model, path, about=about)
    shutil.rmtree(folder.states, ignore_errors=True)  # no job will continue from them


def chosen_model(state: SearchState, files: FinalistFiles, ensemble: EnsembleChoice | None) -> Choice:
    """The best single network by the first objective on the choosing rows, or the ensemble where it pays."""
    values = final_values(state)
    single = best_of(values)
    weights = state.objective.task_weights
    predictions = [files.choosing_predictions(name, state.trials[name.number]) for name in values]
    scores = [files.choosing_score(heads, weights=weights) for heads in predictions]
    luck = luck_of_choice([score for score in scores if score is not None])
    name = state.trials[single.number].name
    if ensemble is not None and ensemble.pays:
        return Choice(
            single,
            ensemble,
            True,
            f"the mean of {len(ensemble.members)} networks scores {ensemble.score:.4f} on the choosing rows, the best "
            f"network ({name}) {values[single]:.4f}; on rows that did not choose it, it gains "
            f"{ensemble.gain:.4f} ± {ensemble.error:.4f}",
        )
    if len(values) == 1:
        return Choice(single, ensemble, False, f"{name} is the only network, {values[single]:.4f} on the choosing rows")
    reason = (
        f"best of {len(values)} networks on the choosing rows, {values[single]:.4f}; "
        f"choosing among so many flatters it by about {luck:.4f}"
    )
    if ensemble is not None and len(ensemble.members) > 1:
        reason += f"; an ensemble gains {ensemble.gain:.4f} ± {ensemble.error:.4f} on rows that did not choose it"
    return Choice(single, ensemble, False, reason)


def _models(
    folder: RunFolder, state: SearchState, files: FinalistFiles, choice: Choice, *, missing: bool = False
) -> Iterator[tuple[Path, Model, str]]:
    """The folders of a run, with the model of each; only those that are missing or broken, if that is asked for."""
    trial = state.trials[choice.single.number]
    members = choice.ensemble.members if choice.ensemble else state.ensembled.members if state.ensembled else ()
    best, beside = (folder.single, folder.best) if choice.takes_ensemble else (folder.best, folder.ensemble)
    if not (missing and is_whole(best)):
        yield best, files.model(choice.single, trial), files.about(trial)
    if len(members) > 1 and not (missing and is_whole(beside)):
        yield beside, ensemble_model(state, files, members), f"An ensemble of the search in `{folder.path.name}`."


def _test(
    journal: Journal[SearchState], files: FinalistFiles, best: NetworkName, ensemble: EnsembleChoice | None
) -> None:
    """Score the networks of the comparison, the best one and the ensemble's on the test rows, and record that."""
    state = journal.state
    due: dict[int, list[NetworkName]] = {}
    members = () if ensemble is None else ensemble.members
    beside = [NetworkName(member.number, member.seed) for member in members]
    for name in dict.fromkeys((*compared_networks(state), best, *beside)):
        if name.seed not in state.trials[name.number].tested:
            due.setdefault(name.number, []).append(name)
    for number, names in due.items():
        trial = state.trials[number]
        scores = {name.seed: files.test(name, trial) for name in names}
        diagnosis = trial.diagnosis or files.diagnose(names[0], trial)
        journal.write(Tested(number=number, scores={**trial.tested, **scores}, diagnosis=diagnosis))
