"""The results of a run, read from its folder at any time, also while the search still runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from mtl_nas import html
from mtl_nas.data import Dataset, Declaration, TableNotFoundError, load_dataset
from mtl_nas.errors import RunError
from mtl_nas.exports import Model, is_whole, load_model
from mtl_nas.record import NetworkName, Request, RunFolder, SearchSettings, Trial, layout
from mtl_nas.space import SearchSpace, read_space
from mtl_nas.study.samplers import Observations
from mtl_nas.study.schedule.comparison import compared_networks
from mtl_nas.study.search_state import SearchState

if TYPE_CHECKING:
    import optuna


class Run:
    """The state of one search at the time when its folder was read.

    Attributes:
        request: the data, space and settings of the search.
        state: trials and decisions.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.request: Request = folder.request()
        self.state = SearchState.of(self.request).after(folder.record)
        _refuse_unknown_networks(folder, self.state)

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def settings(self) -> SearchSettings:
        """The options of the search."""
        return self.request.settings

    @property
    def finished(self) -> bool:
        """Whether the best model is decided and written whole; its folder is read to find out."""
        return self.state.best is not None and is_whole(self.folder.best)

    def __repr__(self) -> str:
        return f"Run({self.path}: {self._standing})"

    @property
    def _standing(self) -> str:
        state = self.state
        stands = f"{'finished' if state.best else 'not finished'}, {len(state.trained)} trials"
        if state.best is None and state.selected is None:
            return stands
        return f"{stands}; best {'an ensemble' if self.takes_ensemble else self.best().name}"

    def _repr_html_(self) -> str:
        """Where the search stands, and its trials, the best ones first, for a notebook."""
        scored = sorted(self.state.trained, key=lambda trial: (trial.score is None, -(trial.score or 0.0)))
        rows = [
            (
                trial.name,
                self.outcome(trial),
                "" if trial.score is None else f"{trial.score:.4f}",
                f"{trial.parameters:,}",
            )
            for trial in scored
        ]
        head = html.heading(f"Run {self.path}:", self._standing)
        columns = ["trial", "outcome", "score on tuning rows", "parameters"]
        reason = html.paragraph(self.reason) if self.reason else ""
        return head + reason + html.table(columns, rows, texts=2)

    def trials(self) -> list[Trial]:
        """All proposals in their order, duplicates and failures included."""
        return list(self.state.trials.values())

    def outcome(self, trial: Trial) -> str:
        """How far a trial came: `compared on fresh seeds`, `trained to the end`, `cut`, `failed`, or `unfinished`."""
        if trial.failed is not None:
            return "failed"
        if trial.finalist:
            return "compared on fresh seeds"
        if trial.stopped is not None:
            return "cut"
        return "trained to the end" if len(self.state.settings.rungs) - 1 in trial.scored else "unfinished"

    def finalists(self) -> list[Trial]:
        """The trials that were trained again on fresh seeds, the best mean first."""
        return _best_mean_first(self.state.finalists)

    def compared(self) -> list[tuple[Trial, list[NetworkName]]]:
        """The designs whose test scores are compared, each with its networks, the best mean first.

        Networks on fresh seeds, or without a comparison one network of each design, by which the search selected it.
        """
        names: dict[int, list[NetworkName]] = {}
        for name in compared_networks(self.state):
            if name.seed in self.state.trials[name.number].tested:
                names.setdefault(name.number, []).append(name)
        compared = [(self.state.trials[number], networks) for number, networks in names.items()]
        return sorted(compared, key=lambda pair: (-self._mean(*pair), pair[0].number))

    def _mean(self, trial: Trial, names: Sequence[NetworkName]) -> float:
        stored = self.state.networks_of(trial)
        return fmean(stored[name].score for name in names)

    def front(self) -> list[Trial]:
        """The Pareto front of the finalists by their means on the choosing rows; the best mean score first."""
        return _best_mean_first(self.state.front())

    def best(self) -> Trial:
        """The trial of the best network, also while the search goes on; a RunError if no network is stored yet.

        Its model is in ``best_folder``, unless an ensemble is there that is better; then it is in ``single_folder``.
        """
        best = self.state.best or self.state.selected
        if best is None:
            raise RunError(f"the search in '{self.path}' has no model yet; go on with: mtl-search resume {self.path}")
        return self.state.trials[best.number]

    @property
    def reason(self) -> str:
        """Why the model was chosen; empty if the search is not finished."""
        return self.state.best.reason if self.state.best else ""

    @property
    def best_folder(self) -> Path:
        """The folder of the best model."""
        return self.folder.best

    @property
    def single_folder(self) -> Path:
        """The folder of the best single network."""
        return self.folder.single if self.takes_ensemble else self.folder.best

    @property
    def takes_ensemble(self) -> bool:
        """Whether an ensemble is in ``best_folder``, as it was better than the best network."""
        return self.state.best is not None and self.state.best.ensemble

    def best_model(self) -> Model:
        """The model in ``best_folder``: the best so far while the search goes on."""
        self.best()
        return load_model(self.best_folder)

    def refuse_unfinished(self) -> None:
        """Raise a RunError if the search is not finished."""
        if self.state.best is None:
            raise RunError(f"the search in '{self.path}' is not finished; go on with: mtl-search resume {self.path}")

    def space(self) -> SearchSpace:
        """The space that was searched, with holes for each of its tasks."""
        return replace(read_space(self.request.space, self.request.space_name), tasks=self.request.tasks)

    def study(self) -> "optuna.Study":
        """The trials as an Optuna study in memory, with values of the run's objectives, for plots and importances."""
        from mtl_nas.study.samplers.optuna_study import optuna_study
        from mtl_nas.study.samplers.tpe import tpe_sampler

        return optuna_study(self.space(), Observations().of(self.state), tpe_sampler(self.settings.seed))


def _refuse_unknown_networks(folder: RunFolder, state: SearchState) -> None:
    """Raise a RunError if the record decides on a network of which it has no line."""
    best, ensembled = state.best, state.ensembled
    decided = [*((best,) if best else ()), *(ensembled.members if ensembled else ())]
    for network in decided:
        trial = state.trials.get(network.number)
        if trial is None or network.seed not in {name.seed for name in state.networks_of(trial)}:
            raise RunError(
                f"{folder.record.path} decides on trial {network.number} of seed {network.seed}, and has no line of "
                "its training; take the record from a copy"
            )


def load_run(path: str | Path) -> Run:
    """Open the run in a folder.

    Args:
        path: the run folder; a search may still be writing to it.

    Returns:
        The run as it is now; open it again to see later trials.

    Raises:
        RunError: the folder holds no run, or a file of it cannot be read.

    Example:
        >>> run = load_run("runs/first")  # doctest: +SKIP
        >>> run.best().name  # doctest: +SKIP
        'mmoe'
    """
    return Run(RunFolder(path))


def _best_mean_first(finalists: list[Trial]) -> list[Trial]:
    return sorted(finalists, key=lambda trial: (-trial.finalist_mean, trial.number))


def data_of_run(folder: str | Path, request: Request) -> Dataset:
    """Load the data that a run folder names; a RunError where the run was made on a frame, or its table was moved."""
    declaration = Declaration.model_validate(request.data)
    if declaration.data.table is None:
        raise RunError(f"the data of '{folder}' came from memory: call search(..., folder='{folder}') with them")
    try:
        return load_dataset(declaration)
    except TableNotFoundError as problem:
        raise RunError(
            f"{problem.fact}, on which the run '{folder}' was made; put it back, or write where it is now into "
            f"{Path(folder) / layout.REQUEST} (data: table)"
        ) from None
