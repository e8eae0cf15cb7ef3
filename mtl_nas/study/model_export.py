"""Exports the best model of a run, or any of its trials, as PyTorch or ONNX."""

from pathlib import Path

from mtl_nas.data import Dataset
from mtl_nas.errors import ExportError, RunError
from mtl_nas.exports import Format, is_model_folder, load_model, refuse_target
from mtl_nas.files import write_whole
from mtl_nas.record import NetworkName, Trial
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import seed_of
from mtl_nas.study.run import Run, data_of_run, load_run
from mtl_nas.study.schedule.best_network import best_of
from mtl_nas.study.schedule.finalists import final_job
from mtl_nas.study.selection import FinalistFiles


def export(
    source: Run | str | Path,
    to: str | Path,
    *,
    format: Format = "torch",  # the word that users look for
    trial: int | None = None,
    data: Dataset | None = None,
) -> Path:
    """Write the best model of a run, or one of its trials, to a folder.

    Args:
        source: A run, a run folder, or a model folder.
        to: The folder to write; it is made if it does not exist.
        format: `torch`, `onnx`, `onnx-encoded`, `source` or `torch-export`, as in `Model.export`.
        trial: Number of the trial to write instead of the best. A trial that was not trained to the end is trained so
            first.
        data: The data set of the run, if it came from memory and a trial has to be trained.

    Returns:
        The folder.

    Raises:
        ExportError: The format is unknown, the path is a file, the ONNX extra is missing, or a trial cannot be trained.
        RunError: The source is no run, its search has no model yet, or it has no such trial.

    Example:
        >>> import mtl_nas as mn
        >>> mn.export("runs/first", "model", format="onnx")  # doctest: +SKIP
    """
    folder = Path(to)
    refuse_target(folder, format)
    if isinstance(source, str | Path) and is_model_folder(Path(source)):
        if trial is not None:
            raise ExportError(f"'{source}' is one model and has no trials; give the run folder to export trial {trial}")
        return load_model(source).export(folder, format=format)
    run = source if isinstance(source, Run) else load_run(source)
    if trial is None:
        about = f"{run.best().name} of the search in `{run.path.name}`."
        return run.best_model().export(folder, format=format, about=about)
    chosen = _trial(run, trial)
    data = data or data_of_run(run.path, run.request)
    if data.fingerprint != run.request.fingerprint:
        raise RunError(f"run '{run.path}' was made on other data than '{data.name}' now holds; give the run's own data")
    if (name := _trained_to_the_end(run, chosen)) is None:
        with run.folder.lock():
            name = _train(run, chosen, data)
    files = FinalistFiles(run.folder, data)
    return files.model(name, chosen).export(folder, format=format, about=files.about(chosen))


def _trial(run: Run, number: int) -> Trial:
    """The trial of a number, or the original if that trial repeats another."""
    trials = run.state.trials
    if number not in trials:
        numbers = f"trials 0 to {len(trials) - 1}" if trials else "none yet"
        raise RunError(f"no trial {number} in '{run.path}'; it has {numbers}")
    repeated = trials[number].proposed.duplicate_of
    return trials[number if repeated is None else repeated]


def _trained_to_the_end(run: Run, trial: Trial) -> NetworkName | None:
    """The best stored network of a trial that was trained to the end; None if there is none."""
    stored = run.state.networks_of(trial).items()
    values = {name: run.state.network_value(trial, result) for name, result in stored if name.rung is None}
    return best_of(values) if values else None


def _train(run: Run, trial: Trial, data: Dataset) -> NetworkName:
    """Train a trial to the end on the first fresh seed, into the run folder, without an event in its record."""
    seed = seed_of(run.settings.seed, "finalist", 0)
    job = final_job(run.state, trial, seed)
    (result,) = work([job], data, get=lambda name: None, put=lambda name, file: write_whole(run.path / name, file))
    if result.failure is not None:
        raise ExportError(f"{trial.name} cannot be trained: {result.reason}")
    return job.network
