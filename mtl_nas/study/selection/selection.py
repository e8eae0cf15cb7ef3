"""The end of a search: the best finalist by fresh rows, the test split opened once, the model written."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from safetensors.numpy import save as save_arrays

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.diagnosis import Diagnosis, diagnose
from mtl_nas.errors import RunError
from mtl_nas.evaluation import predict_and_score
from mtl_nas.exports import Format, Model, read_weights
from mtl_nas.model import Network, build
from mtl_nas.record.events import Best, Tested
from mtl_nas.record.folder import RunFolder, write_whole
from mtl_nas.record.state import Standing, Trial
from mtl_nas.scoring import Scores, SeedScore, mean_score, paired_interval, seed_score
from mtl_nas.study.jobs import predictions_name, weights_name
from mtl_nas.study.objectives.objective import BASELINE, Goal
from mtl_nas.training import WEIGHT_DTYPES


def finish(folder: RunFolder, standing: Standing, data: Dataset) -> None:
    """Write what is not written yet: the best, test scores of every finalist and what it shows, the best's model."""
    done = [trial for trial in standing.trials.values() if trial.finalist]
    if not done:
        reasons = [trial.failures[-1].reason for trial in standing.trials.values() if trial.failures]
        why = f"; the last failure: {reasons[-1]}" if reasons else ""
        raise RunError(f"no finalist in '{folder.path}' was trained to the end{why}")
    goal = Goal.of(folder.request().settings.objectives, data.schema)
    if standing.best is None:
        within = [trial for trial in done if _keeps_to(folder.request().settings.limits, trial)] or done
        winner, reason = chosen(folder, within, data, goal, standing)
        seed = max(winner.finalist.values(), key=lambda found: found.score).seed
        best = Best(number=winner.number, seed=seed, reason=reason)
        folder.record.append(best)
        standing.add(best)
    assert standing.best is not None
    for trial in done:
        if not trial.tested:
            scores, diagnosis = _tested(folder, trial, data), _diagnosed(folder, trial, data, standing)
            event = Tested(number=trial.number, scores=scores, diagnosis=diagnosis)
            folder.record.append(event)
            standing.add(event)
    if not (folder.best / "README.md").exists():
        trial = standing.trials[standing.best.number]
        write_finalist(folder, trial, data, folder.best, seed=standing.best.seed)
    shutil.rmtree(folder.states, ignore_errors=True)  # nothing is left that could go on


def chosen(
    folder: RunFolder, done: Sequence[Trial], data: Dataset, goal: Goal, standing: Standing
) -> tuple[Trial, str]:
    """The best finalist, and why it is.

    The mean over seeds on the choosing rows decides, of designs with most seeds. Where these rows cannot tell designs
    from the best of them, all validation rows do: half of them steered the search, so they cannot overrule, but twice
    the rows decide better. The aim is the first that is no cost.
    """
    means = {trial.number: fmean(goal.final_value(standing, trial, seed) for seed in trial.finalist) for trial in done}
    most = max(len(trial.finalist) for trial in done)
    raced = [trial for trial in done if len(trial.finalist) == most]
    best = max(raced, key=lambda trial: (means[trial.number], -trial.number))
    shares = {trial.number: judgements(folder, trial, data, goal, standing) for trial in done}
    tied = [trial for trial in done if paired_interval(shares[trial.number], shares[best.number]).tie]
    if len(tied) == 1:
        return best, f"mean {means[best.number]:.4f} on the choosing rows, better than every other finalist"
    wider = {trial.number: _validation_mean(folder, trial, data, goal) for trial in tied}
    winner = max(tied, key=lambda trial: (wider[trial.number], -trial.number))
    names = ", ".join(trial.name for trial in tied if trial is not winner)
    return winner, f"ties with {names} on the choosing rows; mean {wider[winner.number]:.4f} on all validation rows"


def judgements(folder: RunFolder, trial: Trial, data: Dataset, goal: Goal, standing: Standing) -> list[SeedScore]:
    """What choosing rows say of each seed; where the worst gain is the aim, of the task that gains least."""
    baseline = standing.trials.get(standing.presets.get(BASELINE, -1))
    if goal.aims[0] != "worst" or baseline is None or not baseline.finalist:
        return _judged(folder, trial, data, weights=goal.weights)
    gains = {
        task: [
            one - other
            for one, other in zip(
                _judged(folder, trial, data, tasks=[task]), _judged(folder, baseline, data, tasks=[task]), strict=False
            )
        ]
        for task in data.schema.task_names
    }
    known = [found for found in gains.values() if found]
    return min(known, key=lambda found: fmean(one.score for one in found), default=[])


def _judged(folder: RunFolder, trial: Trial, data: Dataset, **what: Any) -> list[SeedScore]:
    labels = data.rows("choosing").labels.astype(np.float64)
    found = [
        seed_score(load_file(folder.path / predictions_name(trial.number, seed)), labels, data.schema, **what)
        for seed in sorted(trial.finalist)
    ]
    return [part for part in found if part is not None]


def _keeps_to(limits: Mapping[str, float], trial: Trial) -> bool:
    costs = {
        "parameters": trial.proposed.parameters,
        "macs": trial.proposed.macs,
        "latency_ms": trial.latency_ms,
    }
    return all(costs[name] <= most for name, most in limits.items())


def _validation_mean(folder: RunFolder, trial: Trial, data: Dataset, goal: Goal) -> float:
    rows = data.rows("validation")
    networks = [finalist_network(folder, trial, data, seed) for seed in trial.finalist]
    scores = [predict_and_score(network, rows, data.schema)[1] for network in networks]
    return fmean(mean_score(found, data.schema, goal.weights) for found in scores)


def write_finalist(
    folder: RunFolder,
    trial: Trial,
    data: Dataset,
    to: Path,
    *,
    seed: int | None = None,
    format: Format = "torch",  # the word that users look for
) -> None:
    """A finalist's model, of the seed that is best on the choosing rows unless one is given."""
    if seed is None:
        seed = max(trial.finalist.values(), key=lambda found: found.score).seed
    about = f"{trial.name} of the search in `{folder.path.name}`, trained on {data.name}."
    Model(finalist_network(folder, trial, data, seed), data.schema).export(to, format=format, about=about)


def finalist_network(folder: RunFolder, trial: Trial, data: Dataset, seed: int) -> Network:
    """A finalist's trained network."""
    path = folder.path / weights_name(trial.number, seed)
    if not path.exists():
        raise RunError(
            f"'{path}' is gone: delete the line of this finalist from trials.jsonl and resume to train it again"
        )
    architecture = compose(trial.proposal.design, data.schema)
    network = build(architecture, dtype=WEIGHT_DTYPES[trial.proposal.training.precision])
    network.set_weights(read_weights(path))
    return network


def test_name(number: int, seed: int) -> str:
    """Where a finalist's predictions of the test rows are kept."""
    return f"finalists/{number:05d}/seed{seed}.test.safetensors"


def diagnosis_name(number: int) -> str:
    """Where a finalist's diagnosis is kept, beside its place in the record."""
    return f"finalists/{number:05d}/diagnosis.json"


def _diagnosed(folder: RunFolder, trial: Trial, data: Dataset, standing: Standing) -> Diagnosis:
    """What the first seed that was trained to the end shows."""
    seeds = standing.chosen.seeds if standing.chosen is not None else tuple(trial.finalist)
    network = finalist_network(folder, trial, data, next(seed for seed in seeds if seed in trial.finalist))
    found = diagnose(network, data.rows("tuning"), data.schema, losses=trial.proposal.design.losses)
    write_whole(folder.path / diagnosis_name(trial.number), found.model_dump_json(indent=1).encode())
    return found


def _tested(folder: RunFolder, trial: Trial, data: Dataset) -> dict[int, Scores]:
    found: dict[int, Scores] = {}
    for seed in trial.finalist:
        network = finalist_network(folder, trial, data, seed)
        predictions, found[seed] = predict_and_score(network, data.rows("test"), data.schema)
        kept = {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in predictions.items()}
        write_whole(folder.path / test_name(trial.number, seed), save_arrays(kept))
    return found
