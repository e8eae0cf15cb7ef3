"""An ensemble of finalists, chosen greedily on the choosing rows (Caruana et al., ICML 2004)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Dataset
from mtl_nas.evaluation import Predictions
from mtl_nas.exports import Member as ModelMember
from mtl_nas.exports import Model
from mtl_nas.record import Ensembled, Journal, Member, RunFolder, layout
from mtl_nas.scoring import held_out_scores, mean_score
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection.finalist_files import FinalistFiles, read_predictions

ROUNDS = 20  # rounds of the greedy choice, each of which adds a member, perhaps one that was chosen before

NetworkName = tuple[int, int]  # trial and seed


def write_ensemble_of_finalists(folder: RunFolder, journal: Journal[SearchState], data: Dataset) -> None:
    """Choose members, score the ensemble on the test rows and write its model, unless an earlier call did."""
    state, files = journal.state, FinalistFiles(folder, data)
    if state.ensembled is None:
        journal.write(choose_ensemble(state, files))
    assert state.ensembled is not None
    if not (folder.ensemble / "README.md").exists():
        members = []
        for member in state.ensembled.members:
            trial = state.trials[member.number]
            networks = files.networks(trial, member.seed)
            name, share = f"{trial.name}, seed {member.seed}", member.share / len(networks)
            folds = [f", fold {fold}" for fold in range(1, len(networks) + 1)] if len(networks) > 1 else [""]
            members += [ModelMember(name + fold, share, each) for fold, each in zip(folds, networks, strict=True)]
        Model(members, data.schema).save(folder.ensemble)


def choose_ensemble(state: SearchState, files: FinalistFiles) -> Ensembled:
    """Choose members by the score of their mean prediction on the choosing rows."""
    data, weights = files.data, state.objective.task_weights
    names = [(trial.number, seed) for trial in state.finalists for seed in trial.finalist]
    choosing = {name: files.choosing_predictions(*name) for name in names}

    def score(mean: Predictions) -> float:
        return mean_score(held_out_scores(mean, data, "choosing"), data.schema, weights)

    taken, best = greedy(choosing, score)
    members = tuple(
        Member(number=number, seed=seed, share=count / len(taken)) for (number, seed), count in Counter(taken).items()
    )
    predictions = ensemble_test_predictions(files.folder, members)
    return Ensembled(members=members, score=best, scores=held_out_scores(predictions, data, "test"))


def greedy(
    predictions: Mapping[NetworkName, Predictions], score: Callable[[Predictions], float], *, rounds: int = ROUNDS
) -> tuple[list[NetworkName], float]:
    """Add, per round, the network that most improves the score of the mean prediction, with replacement.

    Returns:
        The networks of the best round, and their score.
    """
    taken: list[NetworkName] = []
    best: tuple[list[NetworkName], float] = ([], -np.inf)
    sums: dict[str, NDArray[np.float64]] = {}
    for size in range(1, rounds + 1):
        scores = {
            name: score({head: (sums.get(head, 0.0) + values) / size for head, values in heads.items()})
            for name, heads in predictions.items()
        }
        chosen = max(scores, key=lambda name: (scores[name], (-name[0], -name[1])))
        taken.append(chosen)
        sums = {head: sums.get(head, 0.0) + values for head, values in predictions[chosen].items()}
        if scores[chosen] > best[1]:
            best = list(taken), scores[chosen]
    return best


def ensemble_test_predictions(folder: RunFolder, members: Sequence[Member]) -> Predictions:
    """The ensemble's predictions for the test rows."""
    parts = [
        (member.share, read_predictions(folder, layout.test_predictions_file(member.number, member.seed)))
        for member in members
    ]
    return {head: sum(share * part[head] for share, part in parts) for head in parts[0][1]}  # type: ignore[misc]
