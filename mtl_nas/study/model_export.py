"""Taking a model out of a run: its best, or any trial, as PyTorch or ONNX."""

from pathlib import Path

from mtl_nas.data import Dataset, Declaration, load_dataset
from mtl_nas.errors import ExportError, RunError
from mtl_nas.exports import Format, is_model_folder, load_model, refuse_target
from mtl_nas.record import Request, RunFolder, Trial, write_whole
from mtl_nas.record.events import Finalist
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job, seed_of
from mtl_nas.study.run import Run, load_run
from mtl_nas.study.schedule.budget import Plan
from mtl_nas.study.selection.selection import write_finalist


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
        format: `torch`, or `onnx`: adds `model.onnx`, checked against onnxruntime to 1e-5, and `preprocessing.json`.
        trial: Number of the trial to write instead of the best. A trial that was no finalist is trained as one first.
        data: The data set of the run, if it came from memory and a trial has to be trained.

    Returns:
        The folder.

    Raises:
        ExportError: The format is unknown, the path is a file, the ONNX extra is missing, or a trial cannot be trained.
        RunError: The source is no run, its search is not finished, or it has no such trial.

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
    data = data or load_dataset(Declaration.model_validate(run.request.data))
    if data.fingerprint != run.request.fingerprint:
        raise RunError(f"run '{run.path}' was made on other data than '{data.name}' holds now; a trial needs those")
    if not chosen.finalist:
        with run.folder.lock():
            _train(run.folder, chosen, data, run.request)
    write_finalist(run.folder, chosen, data, folder, format=format)
    return folder


def _trial(run: Run, number: int) -> Trial:
    """The trial of that number, or the one that it repeats."""
    trials = run.standing.trials
    if number not in trials:
        numbers = f"trials 0 to {len(trials) - 1}" if trials else "none yet"
        raise RunError(f"no trial {number} in '{run.path}'; it has {numbers}")
    repeated = trials[number].proposed.duplicate_of
    return trials[number if repeated is None else repeated]


def _train(folder: RunFolder, trial: Trial, data: Dataset, request: Request) -> None:
    """Train it as the first seed of a finalist would be; kept in the run's folder, not in its record."""
    seed = seed_of(request.settings.seed, "finalist", 0)
    proposal = Plan(request.settings, precision=request.precision).settled_proposal(trial)
    job = Job(number=trial.number, kind="finalist", rung=0, share=1.0, seed=seed, proposal=proposal)
    (answer,) = work([job], data, get=lambda name: None, put=lambda name, file: write_whole(folder.path / name, file))
    if answer.failure is not None:
        raise ExportError(f"{trial.name} cannot be trained: {answer.reason}")
    measured = answer.model_dump(include={"score", "scores", "rows", "seconds", "rows_per_second"})
    trial.finalist[seed] = Finalist(number=trial.number, seed=seed, **measured)
