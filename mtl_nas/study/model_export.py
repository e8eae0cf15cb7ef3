"""Taking a model out of a run: its best, or any trial, as PyTorch or ONNX."""

from pathlib import Path
from typing import Literal

from mtl_nas.data import Dataset, Declaration, load_dataset
from mtl_nas.errors import ExportError, RunError
from mtl_nas.exports import LoadedModel, load_model, write_model, write_onnx
from mtl_nas.record import Request, RunFolder, Trial, write_whole
from mtl_nas.record.events import Finalist
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job, seed_of
from mtl_nas.study.run import Run, load_run
from mtl_nas.study.schedule.budget import Plan
from mtl_nas.study.selection.selection import write_finalist

Format = Literal["torch", "onnx"]


def export(
    source: Run | str | Path,
    to: str | Path,
    *,
    format: Format = "torch",  # the word that users look for
    trial: int | None = None,
    data: Dataset | None = None,
) -> Path:
    """Write a model folder; of a run its best, or a trial, which is trained as a finalist first where it was none.

    ``onnx`` adds ``model.onnx``, checked against onnxruntime to 1e-5, and ``preprocessing.json``. The source may be a
    model folder too. An ExportError says what cannot be written.
    """
    folder = Path(to)
    if format not in ("torch", "onnx"):
        raise ExportError(f"no format '{format}'; formats: torch, onnx")
    if folder.is_file():
        raise ExportError(f"'{folder}' is a file; give a folder to write to")
    if isinstance(source, str | Path) and (Path(source) / "architecture.json").exists():
        if trial is not None:
            raise ExportError(f"'{source}' is one model and has no trials; give the run folder to export trial {trial}")
        model = load_model(source)
        write_model(folder, model.network, model.schema)
    else:
        model = _of_run(source if isinstance(source, Run) else load_run(source), folder, trial, data)
    if format == "onnx":
        write_onnx(folder, model)
    return folder


def _of_run(run: Run, folder: Path, number: int | None, data: Dataset | None) -> LoadedModel:
    if number is None:
        trial, model = run.best(), run.model()
        write_model(folder, model.network, model.schema, about=f"{trial.name} of the search in `{run.path.name}`.")
        return model
    if number not in run.standing.trials:
        there = f"trials 0 to {len(run.standing.trials) - 1}" if run.standing.trials else "none yet"
        raise RunError(f"no trial {number} in '{run.path}'; it has {there}")
    trial = run.standing.trials[number]
    if trial.proposed.duplicate_of is not None:
        trial = run.standing.trials[trial.proposed.duplicate_of]
    data = data or load_dataset(Declaration.model_validate(run.request.data))
    if data.fingerprint != run.request.fingerprint:
        raise RunError(f"run '{run.path}' was made on other data than '{data.name}' holds now; a trial needs those")
    if not trial.finalist:
        with run.folder.lock():
            _train(run.folder, trial, data, run.request)
    write_finalist(run.folder, trial, data, folder)
    return load_model(folder)


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
