"""Test results of a run's designs and its ensemble, read from the run folder."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from mtl_nas.comparison.design_result import OWN_SEED, DesignResult, NetworkCost
from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.record import Ensembled, NetworkName, Trial, layout
from mtl_nas.study import Run
from mtl_nas.study.selection import ensemble_test_predictions, read_predictions


def results_of_run(run: Run, data: Dataset) -> list[DesignResult]:
    """Read the results of a finished run; a RunError if it is not finished or was made on other data.

    Designs have the results of the comparison on fresh seeds. Without a comparison, each has that of the one training
    by which the search selected it.
    """
    if run.request.fingerprint != data.fingerprint:
        raise RunError(f"run '{run.path}' was made on other data than '{data.name}'; compare on the data of the run")
    run.refuse_unfinished()
    if any(set(trial.finalist) - set(trial.tested) for trial in run.finalists()) or not run.compared():
        raise RunError(
            f"the designs of '{run.path}' are not all scored on the test rows; go on with: mtl-search resume {run.path}"
        )
    designs = [_design(run, trial, names, data) for trial, names in run.compared()]
    best = run.state.best
    if best is not None and not best.ensemble and not any(design.chosen for design in designs):
        name = NetworkName(best.number, best.seed, best.rung)  # of a design that is not among those compared
        designs.append(_design(run, run.best(), [name], data))
    ensembled = run.state.ensembled
    if ensembled is not None and len(ensembled.members) > 1:
        designs.append(_ensemble(run, ensembled, designs))
    return designs


def _design(run: Run, trial: Trial, names: Sequence[NetworkName], data: Dataset) -> DesignResult:
    architecture = compose(trial.proposal.design, data.schema)
    results = [run.state.networks_of(trial)[name] for name in names]
    of_search = names[0].seed not in trial.finalist
    return DesignResult(
        name=trial.name,
        cost=NetworkCost(architecture.parameters, architecture.macs, _speed(trial)),
        scores=tuple(trial.tested[name.seed] for name in names),
        predictions=tuple(read_predictions(run.folder, layout.test_predictions_file(name)) for name in names),
        seeds=(OWN_SEED,) if of_search else tuple(name.seed for name in names),
        chosen=trial.number == run.best().number and not run.takes_ensemble,
        choosing_score=fmean(result.score for result in results),
        diagnosis=trial.diagnosis,
    )


def _ensemble(run: Run, ensembled: Ensembled, designs: Sequence[DesignResult]) -> DesignResult:
    """The ensemble as one design, whose costs are the sums of its members' costs, beside each seed of the designs."""
    members = [run.state.trials[member.number] for member in ensembled.members]
    seeds = tuple(dict.fromkeys(seed for design in designs for seed in design.seeds)) or (OWN_SEED,)
    return DesignResult(
        name=f"ensemble of {len(members)}",
        cost=NetworkCost(
            sum(trial.parameters for trial in members),
            sum(trial.macs for trial in members),
            1 / sum(1 / max(_speed(trial), 1e-9) for trial in members),
        ),
        scores=(ensembled.scores,),
        predictions=(ensemble_test_predictions(run.folder, ensembled.members),) * len(seeds),
        seeds=seeds,
        chosen=run.takes_ensemble,
    )


def _speed(trial: Trial) -> float:
    fresh = [result.rows_per_second for result in trial.finalist.values()]
    return float(np.median(fresh or [result.rows_per_second for result in trial.scored.values()]))
