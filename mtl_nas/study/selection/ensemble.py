"""An ensemble of finalists, chosen greedily on the choosing rows (Caruana et al., ICML 2004)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from mtl_nas.data import Dataset
from mtl_nas.evaluation import Predictions
from mtl_nas.exports import Member as ModelMember
from mtl_nas.exports import Model
from mtl_nas.record.events import Ensembled, Member
from mtl_nas.record.folder import RunFolder
from mtl_nas.record.state import Standing
from mtl_nas.scoring import mean_score, score_tasks
from mtl_nas.study.jobs import predictions_name
from mtl_nas.study.objectives.objective import Goal
from mtl_nas.study.selection.selection import finalist_network, test_name

ROUNDS = 20  # members, a network counting as often as it is taken

Network = tuple[int, int]  # trial and seed


def write_ensembled(folder: RunFolder, standing: Standing, data: Dataset) -> None:
    """Choose the members, score them on the test rows, write ``ensemble/``; what is there already is kept."""
    if standing.ensembled is None:
        found = ensembled(folder, standing, data)
        folder.record.append(found)
        standing.add(found)
    assert standing.ensembled is not None
    if not (folder.ensemble / "README.md").exists():
        members = []
        for member in standing.ensembled.members:
            trial = standing.trials[member.number]
            network = finalist_network(folder, trial, data, member.seed)
            members.append(ModelMember(f"{trial.name}, seed {member.seed}", member.share, network))
        Model(members, data.schema).save(folder.ensemble)


def ensembled(folder: RunFolder, standing: Standing, data: Dataset) -> Ensembled:
    """Members by the goal's score on the choosing rows."""
    goal = Goal.of(folder.request().settings.objectives, data.schema)
    rows = data.rows("choosing")
    networks = [(trial.number, seed) for trial in standing.trials.values() for seed in trial.finalist]
    choosing = {network: _read(folder, predictions_name(*network)) for network in networks}

    def score(mean: Predictions) -> float:
        return mean_score(score_tasks(mean, rows, data.schema), data.schema, goal.weights)

    taken, best = greedy(choosing, score)
    members = tuple(
        Member(number=number, seed=seed, share=count / len(taken)) for (number, seed), count in Counter(taken).items()
    )
    return Ensembled(
        members=members, score=best, scores=score_tasks(tested(folder, members), data.rows("test"), data.schema)
    )


def greedy(
    predictions: Mapping[Network, Predictions], score: Callable[[Predictions], float], *, rounds: int = ROUNDS
) -> tuple[list[Network], float]:
    """Take the network that helps most, again and again, with replacement; the best prefix, and its score."""
    taken: list[Network] = []
    best: tuple[list[Network], float] = ([], -np.inf)
    sums: dict[str, NDArray[np.float64]] = {}
    for size in range(1, rounds + 1):
        tried = {
            network: score({head: (sums.get(head, 0.0) + values) / size for head, values in one.items()})
            for network, one in predictions.items()
        }
        chosen = max(tried, key=lambda network: (tried[network], (-network[0], -network[1])))
        taken.append(chosen)
        sums = {head: sums.get(head, 0.0) + values for head, values in predictions[chosen].items()}
        if tried[chosen] > best[1]:
            best = list(taken), tried[chosen]
    return best


def tested(folder: RunFolder, members: Sequence[Member]) -> Predictions:
    """The ensemble's predictions of the test rows."""
    parts = [(one.share, _read(folder, test_name(one.number, one.seed))) for one in members]
    return {head: sum(share * part[head] for share, part in parts) for head in parts[0][1]}  # type: ignore[misc]


def _read(folder: RunFolder, name: str) -> Predictions:
    return {head: values.astype(np.float64) for head, values in load_file(folder.path / name).items()}
