"""An ensemble of stored networks, chosen greedily on the choosing rows (Caruana et al., ICML 2004)."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Dataset
from mtl_nas.evaluation import Predictions
from mtl_nas.exports import Member as ModelMember
from mtl_nas.exports import Model
from mtl_nas.random_streams import ENSEMBLE_HALVES_SEED
from mtl_nas.record import Ensembled, Member, NetworkName, RunFolder, layout
from mtl_nas.scoring import SeedScore, held_out_scores, mean_score, mean_scores, score_tasks
from mtl_nas.settings import COSTS
from mtl_nas.study.schedule.best_network import best_of, network_values
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection.finalist_files import FinalistFiles, read_predictions

ROUNDS = 20  # rounds of the greedy choice, each of which adds a member, perhaps one that was chosen before
PATIENCE = 5  # rounds in a row without a better ensemble after which the choice ends
MOST_CANDIDATES = 15  # networks among which members are chosen, the best ones

Key = TypeVar("Key")
Score = Callable[[Predictions], float]


@dataclass(frozen=True)
class EnsembleChoice:
    """Members of an ensemble, its score on the choosing rows, and what it gains over the best single network.

    The gain is measured by halves: members are chosen on each half of the choosing rows and scored on the other.
    """

    members: tuple[Member, ...]
    score: float
    gain: float
    error: float  # the standard error of the gain

    @property
    def pays(self) -> bool:
        """Whether it is not worse than the best network by more than noise.

        On eight tables an ensemble was better on the test rows in 43 of 48 draws, also where the choosing rows were too
        few to tell (docs/results/portfolio.md), so a tie goes to the ensemble.
        """
        return len(self.members) > 1 and self.gain >= -self.error


def choose_ensemble(state: SearchState, files: FinalistFiles) -> EnsembleChoice | None:
    """Choose members by the score of their mean prediction on the choosing rows.

    None if there are no two networks trained to the end, or if the search has several objectives or the objective
    ``worst``, by which predictions of an ensemble are not compared.
    """
    values = {name: value for name, value in network_values(state).items() if name.rung is None}
    if len(values) < 2 or not state.objective.single or state.objective.aims[0] == "worst":
        return None
    names = sorted(values, key=lambda name: (-values[name], name))[:MOST_CANDIDATES]

    def fits(members: Sequence[NetworkName]) -> bool:
        return within_limits(state, members)

    predictions = {name: files.choosing_predictions(name, state.trials[name.number]) for name in names}
    return ensemble_of(predictions, files, weights=state.objective.task_weights, fits=fits)


def ensemble_of(
    predictions: Mapping[NetworkName, Predictions],
    files: FinalistFiles,
    *,
    weights: Mapping[str, float],
    fits: Callable[[Sequence[NetworkName]], bool] = lambda members: True,
) -> EnsembleChoice:
    """Choose members among networks by their predictions for the choosing rows.

    Args:
        predictions: of each network.
        files: those of the run, of whose data the choosing rows are.
        weights: of the tasks in the score; empty: all equal.
        fits: whether members may be an ensemble.
    """
    predictions, data = _of_common_heads(predictions), files.data
    members, score = greedy(predictions, _score_on(data, weights, _everywhere(data)), fits=fits)
    halves = _halves(data)
    gains = []
    for chosen_on, scored_on in zip(halves, reversed(halves), strict=True):
        score_of = _score_on(data, weights, chosen_on)
        single = best_of({name: score_of(heads) for name, heads in predictions.items()})
        ensemble, _ = greedy(predictions, score_of, fits=fits)
        parts = [
            files.choosing_score(mean, rows=scored_on, weights=weights)
            for mean in (_mean(predictions, ensemble), predictions[single])
        ]
        gains += [parts[0] - parts[1]] if parts[0] is not None and parts[1] is not None else []
    return EnsembleChoice(
        members=tuple(
            Member(number=name.number, seed=name.seed, share=count / len(members))
            for name, count in Counter(members).items()
        ),
        score=score,
        gain=float(np.mean([gain.score for gain in gains])) if gains else 0.0,
        error=_standard_error(gains),
    )


def within_limits(state: SearchState, members: Sequence[NetworkName]) -> bool:
    """Whether the costs of different networks together are within the limits of the search."""
    trials = [state.trials[name.number] for name in set(members)]
    limits = state.settings.limits
    return len(trials) == 1 or all(
        sum(getattr(trial, cost) for trial in trials) <= limits[cost] for cost in COSTS if cost in limits
    )


def greedy(
    predictions: Mapping[NetworkName, Predictions],
    score: Score,
    *,
    rounds: int = ROUNDS,
    fits: Callable[[Sequence[NetworkName]], bool] = lambda members: True,
) -> tuple[list[NetworkName], float]:
    """Add, per round, the network that most improves the score of the mean prediction, with replacement.

    Args:
        predictions: of each network, for the rows that decide.
        score: of a mean prediction.
        rounds: the largest number of members, counted with their repetitions.
        fits: whether members may be an ensemble.

    Returns:
        The networks of the best round, and their score.
    """
    members: list[NetworkName] = []
    best: tuple[list[NetworkName], float] = ([], -np.inf)
    sums: dict[str, NDArray[np.float64]] = {}
    for size in range(1, rounds + 1):
        scores = {
            name: score({head: (sums.get(head, 0.0) + values) / size for head, values in heads.items()})
            for name, heads in predictions.items()
            if fits([*members, name])
        }
        added = best_of(scores)
        members.append(added)
        sums = {head: sums.get(head, 0.0) + values for head, values in predictions[added].items()}
        if scores[added] > best[1]:
            best = list(members), scores[added]
        elif size - len(best[0]) >= PATIENCE:
            break
    return best


def ensembled(state: SearchState, files: FinalistFiles, choice: EnsembleChoice) -> Ensembled:
    """The event of an ensemble, with its scores on the test rows; the members' predictions are written already."""
    predictions = ensemble_test_predictions(files.folder, choice.members)
    scores = held_out_scores(predictions, files.data, "test")
    return Ensembled(members=choice.members, score=choice.score, scores=scores)


def ensemble_model(state: SearchState, files: FinalistFiles, members: Sequence[Member]) -> Model:
    """The model of an ensemble; with folds, each member is the mean of its networks."""
    networks = []
    for member in members:
        trial = state.trials[member.number]
        of_folds = files.networks(NetworkName(member.number, member.seed), trial)
        name, share = f"{trial.name}, seed {member.seed}", member.share / len(of_folds)
        folds = [f", fold {fold}" for fold in range(1, len(of_folds) + 1)] if len(of_folds) > 1 else [""]
        networks += [ModelMember(name + fold, share, each) for fold, each in zip(folds, of_folds, strict=True)]
    return Model(networks, files.data.schema)


def ensemble_test_predictions(folder: RunFolder, members: Sequence[Member]) -> Predictions:
    """The ensemble's predictions for the test rows."""
    parts = [
        (member.share, read_predictions(folder, layout.test_predictions_file(NetworkName(member.number, member.seed))))
        for member in members
    ]
    common = _of_common_heads(dict(enumerate(part for _, part in parts)))
    return {
        head: np.sum([share * common[index][head] for index, (share, _) in enumerate(parts)], axis=0)
        for head in common[0]
    }


def _of_common_heads(predictions: Mapping[Key, Predictions]) -> dict[Key, Predictions]:
    """The predictions of the heads that all networks have; a conditional probability that one lacks has no mean."""
    common = set.intersection(*(set(heads) for heads in predictions.values()))
    return {
        name: {head: values for head, values in heads.items() if head in common} for name, heads in predictions.items()
    }


def _mean(predictions: Mapping[NetworkName, Predictions], members: Sequence[NetworkName]) -> Predictions:
    parts = [predictions[name] for name in members]
    return {head: np.mean([part[head] for part in parts], axis=0) for head in parts[0]}


def _score_on(data: Dataset, weights: Mapping[str, float], rows: NDArray[np.bool_]) -> Score:
    """The mean score of predictions for some of the choosing rows; with folds, averaged over folds."""
    labels, folds = data.rows("choosing"), [fold[rows[fold]] for fold in data.held_out("choosing")]

    def score(predictions: Predictions) -> float:
        parts = [
            score_tasks({head: values[fold] for head, values in predictions.items()}, labels.take(fold), data.schema)
            for fold in folds
        ]
        return mean_score(mean_scores(parts), data.schema, weights)

    return score


def _everywhere(data: Dataset) -> NDArray[np.bool_]:
    return np.ones(len(data.rows("choosing")), dtype=bool)


def _halves(data: Dataset) -> list[NDArray[np.bool_]]:
    """Two random halves of the choosing rows."""
    first = np.random.default_rng(ENSEMBLE_HALVES_SEED).permutation(len(data.rows("choosing"))) % 2 == 0
    return [first, ~first]


def _standard_error(gains: Sequence[SeedScore]) -> float:
    """The standard error of the mean of gains on different rows; infinite without one."""
    if not gains:
        return math.inf
    variances = [float(((gain.block_influence - gain.block_influence.mean()) ** 2).sum()) for gain in gains]
    return math.sqrt(sum(variances)) / len(gains)
