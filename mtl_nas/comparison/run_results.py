"""Test results of a run's finalists and its ensemble, read from the run folder."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from mtl_nas.comparison.design_result import DesignResult, NetworkCost
from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.evaluation import Predictions
from mtl_nas.record import Ensembled, Trial, layout
from mtl_nas.study import Run
from mtl_nas.study.selection import ensemble_test_predictions


def results_of_run(run: Run, data: Dataset) -> list[DesignResult]:
    """Read the results of a finished run; a RunError if it is not finished or was made on other data."""
    if run.request.fingerprint != data.fingerprint:
        raise RunError(f"run '{run.path}' was made on other data than '{data.name}'; compare on the data of the run")
    run.best()
    if run.state.chosen is None or any(set(trial.finalist) - set(trial.tested) for trial in run.finalists()):
        raise RunError(
            f"the finalists of '{run.path}' are not all scored on the test rows; "
            f"go on with: mtl-search resume {run.path}"
        )
    ensemble = [] if run.state.ensembled is None else [_ensemble(run, run.state.ensembled)]
    return [_finalist(run, trial, data) for trial in run.finalists()] + ensemble


def _finalist(run: Run, trial: Trial, data: Dataset) -> DesignResult:
    assert run.state.chosen is not None
    seeds = tuple(seed for seed in run.state.chosen.seeds if seed in trial.finalist)
    architecture = compose(trial.proposal.design, data.schema)
    speeds = [trial.finalist[seed].rows_per_second for seed in seeds]
    return DesignResult(
        name=trial.name,
        cost=NetworkCost(architecture.parameters, architecture.macs, float(np.median(speeds))),
        scores=tuple(trial.tested[seed] for seed in seeds),
        predictions=tuple(_read(run.path / layout.test_predictions_file(trial.number, seed)) for seed in seeds),
        seeds=seeds,
        chosen=trial.number == run.best().number,
        choosing_score=trial.finalist_mean,
        diagnosis=trial.diagnosis,
    )


def _ensemble(run: Run, ensembled: Ensembled) -> DesignResult:
    """The ensemble as one design, whose costs are the sums of its members' costs."""
    assert run.state.chosen is not None
    seeds = run.state.chosen.seeds
    members = [(run.state.trials[member.number], member.seed) for member in ensembled.members]
    return DesignResult(
        name=f"ensemble of {len(members)}",
        cost=NetworkCost(
            sum(trial.parameters for trial, _ in members),
            sum(trial.macs for trial, _ in members),
            1 / sum(1 / trial.finalist[seed].rows_per_second for trial, seed in members),
        ),
        scores=(ensembled.scores,),
        predictions=(ensemble_test_predictions(run.folder, ensembled.members),) * len(seeds),
        seeds=seeds,
    )


def _read(path: Path) -> Predictions:
    try:
        arrays = load_file(path)
    except (SafetensorError, OSError) as problem:
        raise RunError(f"'{path}' cannot be read: {problem}; take it from a copy of the run") from None
    return {name: np.asarray(values, dtype=np.float64) for name, values in arrays.items()}
