"""A run that was made: read-only, at any time, also while it is being written."""

from dataclasses import replace
from pathlib import Path

import optuna

from mtl_nas.data import Schema
from mtl_nas.errors import RunError
from mtl_nas.exports import Model, load_model
from mtl_nas.record import Request, RunFolder, Standing, Trial
from mtl_nas.space import SearchSpace, read_space
from mtl_nas.study.objectives.objective import Goal
from mtl_nas.study.samplers import history
from mtl_nas.study.samplers.optuna_studies import study_of
from mtl_nas.study.samplers.tpe import tpe_sampler


class Run:
    """One search on disk."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.request: Request = folder.request()
        self.standing = Standing.of(folder.record)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.folder.path

    @property
    def finished(self) -> bool:
        """The best is known and written."""
        return self.standing.best is not None and self.folder.best.is_dir()

    def trials(self) -> list[Trial]:
        """Every proposal in order, duplicates and failures included."""
        return list(self.standing.trials.values())

    def finalists(self) -> list[Trial]:
        """Trained again on fresh seeds, the best mean first."""
        found = [trial for trial in self.trials() if trial.finalist]
        return sorted(found, key=lambda trial: (-trial.finalist_mean, trial.number))

    def best(self) -> Trial:
        """The finalist whose model is in ``best/``; a RunError while there is none."""
        if self.standing.best is None:
            raise RunError(f"the search in '{self.path}' is not finished; go on with: mtl-search resume {self.path}")
        return self.standing.trials[self.standing.best.number]

    def front(self, schema: Schema) -> list[Trial]:
        """The finalists that no other is better than in every objective, on the choosing rows."""
        return Goal.of(self.request.settings.objectives, schema).front(self.standing, self.finalists())

    def best_model(self) -> Model:
        """The trained model of the best trial; a RunError while the search is not finished."""
        self.best()
        return load_model(self.folder.best)

    def space(self) -> SearchSpace:
        """The space that was searched, without its tasks."""
        return read_space(self.request.space, self.request.space_name)

    def study(self) -> optuna.Study:
        """The trials as an Optuna study in memory, for its plots and importances."""
        space = replace(self.space(), tasks=self.request.tasks)
        return study_of(space, history(self.standing, Goal()), tpe_sampler(self.request.settings.seed))


def load_run(path: str | Path) -> Run:
    """The run in a folder; a RunError if it is none."""
    return Run(RunFolder(path))
