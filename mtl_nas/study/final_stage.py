"""The end of a search: the best finalist by fresh rows, the test split opened once, the model written."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save as save_arrays

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.evaluation import judge
from mtl_nas.exports import write_model
from mtl_nas.exports.model_folder import read_weights
from mtl_nas.model import Network, build
from mtl_nas.record.facts import Best, Tested
from mtl_nas.record.folder import RunFolder, write_whole
from mtl_nas.record.trials import Standing, Trial
from mtl_nas.study.jobs import weights_name
from mtl_nas.training.fit import DTYPES, Scores


def finish(folder: RunFolder, standing: Standing, data: Dataset) -> None:
    """Write what is not written yet: test scores of every finalist, the best, its model."""
    done = [trial for trial in standing.trials.values() if trial.finalist]
    if not done:
        reasons = [trial.failures[-1].reason for trial in standing.trials.values() if trial.failures]
        why = f"; the last failure: {reasons[-1]}" if reasons else ""
        raise RunError(f"no finalist in '{folder.path}' was trained to the end{why}")
    for trial in done:
        if not trial.tested:
            fact = Tested(number=trial.number, scores=_tested(folder, trial, data))
            folder.record.append(fact)
            standing.add(fact)
    if standing.best is None:
        winner = max(done, key=lambda trial: (trial.finalist_mean, -trial.number))
        seed = max(winner.finalist.values(), key=lambda found: found.score).seed
        best = Best(number=winner.number, seed=seed)
        folder.record.append(best)
        standing.add(best)
    assert standing.best is not None
    if not (folder.best / "README.md").exists():
        trial = standing.trials[standing.best.number]
        write_finalist(folder, trial, data, folder.best, seed=standing.best.seed)


def write_finalist(folder: RunFolder, trial: Trial, data: Dataset, to: Path, *, seed: int | None = None) -> None:
    """A finalist's model, of the seed that is best on the choosing rows unless one is given."""
    if seed is None:
        seed = max(trial.finalist.values(), key=lambda found: found.score).seed
    about = f"{trial.name} of the search in `{folder.path.name}`, trained on {data.name}."
    write_model(to, finalist_network(folder, trial, data, seed), data.schema, about=about)


def finalist_network(folder: RunFolder, trial: Trial, data: Dataset, seed: int) -> Network:
    """A finalist's trained network."""
    path = folder.path / weights_name(trial.number, seed)
    if not path.exists():
        raise RunError(
            f"'{path}' is gone: delete the line of this finalist from trials.jsonl and resume to train it again"
        )
    architecture = compose(trial.proposal.design, data.schema)
    network = build(architecture, dtype=DTYPES[trial.proposal.training.precision])
    network.set_weights(read_weights(path))
    return network


def test_name(number: int, seed: int) -> str:
    """Where a finalist's predictions of the test rows are kept."""
    return f"finalists/{number:05d}/seed{seed}.test.safetensors"


def _tested(folder: RunFolder, trial: Trial, data: Dataset) -> dict[int, Scores]:
    found: dict[int, Scores] = {}
    for seed in trial.finalist:
        predictions, found[seed] = judge(finalist_network(folder, trial, data, seed), data.rows("test"), data.schema)
        kept = {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in predictions.items()}
        write_whole(folder.path / test_name(trial.number, seed), save_arrays(kept))
    return found
