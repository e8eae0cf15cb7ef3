"""What can be compared: runs, presets, designs, architecture files; trained on equal seeds, or read from a run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.design import Design, Losses, Training
from mtl_nas.diagnosis import Diagnosis, diagnose
from mtl_nas.errors import MtlNasError, RunError
from mtl_nas.evaluation import Predictions, evaluate_seeds
from mtl_nas.exports import load_architecture
from mtl_nas.presets import preset, preset_names
from mtl_nas.record import Trial, layout
from mtl_nas.record.events import Ensembled
from mtl_nas.scoring import Scores
from mtl_nas.study import Run, load_run
from mtl_nas.study.selection import ensemble_test_predictions
from mtl_nas.values import nearest

Contestant = Run | Design | Architecture | str | Path


@dataclass(frozen=True)
class Contender:
    """A design with what it came to on each seed, or an ensemble of several with what it came to."""

    name: str
    parameters: int
    macs: int  # of one row
    scores: tuple[Scores, ...]
    predictions: tuple[Predictions, ...]  # by seed; of an ensemble the same for each, to be paired with others
    rows_per_second: float
    seeds: tuple[int, ...]
    chosen: bool = False  # the best of its run
    choosing: float | None = None  # mean score on the choosing rows, of a run's finalists
    diagnosis: Diagnosis | None = None  # of the first seed; older runs have none


def contenders(
    what: Sequence[Contestant], data: Dataset, *, seeds: int, training: Training, baseline: str, device: str
) -> list[Contender]:
    """In the order given; a preset that a run holds is not trained again, a missing baseline is added."""
    opened = [_opened(one, data) for one in what]
    runs = [one for one in opened if isinstance(one, Run)]
    found: list[Contender] = []
    for run in runs:
        taken = {contender.name for contender in found}
        found += [_apart(contender, run, taken, several=len(runs) > 1) for contender in from_run(run, data)]
    names = {contender.name for contender in found}
    numbers = found[0].seeds if found else tuple(range(seeds))
    if runs:
        training = runs[0].space().for_schema(data.schema).default().training
    designs = {_name(given, place): one for place, (one, given) in enumerate(zip(opened, what, strict=True))}
    if baseline not in names and baseline not in designs:
        designs[baseline] = preset(baseline, data.schema)
    for name, one in designs.items():
        if name not in names and isinstance(one, Design | Architecture):
            found.append(trained(name, one, data, training, numbers, device=device))
    return found


def graph(what: Contestant, data: Dataset) -> Architecture:
    """The graph of one: of a run its best."""
    opened = _opened(what, data)
    if isinstance(opened, Run):
        opened = opened.best().proposal.design
    return compose(opened, data.schema) if isinstance(opened, Design) else opened


def trained(
    name: str,
    what: Design | Architecture,
    data: Dataset,
    training: Training,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
) -> Contender:
    """Train on each seed and score the test rows; the first network says what became of its sharing."""
    results = evaluate_seeds(what, data, training, seeds, split="test", device=device)
    architecture = results[0].model.architecture
    return Contender(
        name=name,
        parameters=architecture.parameters,
        macs=architecture.macs,
        scores=tuple(result.scores for result in results),
        predictions=tuple(result.predictions for result in results),
        rows_per_second=float(np.median([result.rows_per_second for result in results])),
        seeds=tuple(seeds),
        diagnosis=diagnose(
            results[0].model.network,
            data.rows("tuning"),
            data.schema,
            losses=what.losses if isinstance(what, Design) else Losses(),
        ),
    )


def from_run(run: Run, data: Dataset) -> list[Contender]:
    """The finalists of a run, from its files, and the ensemble of them if there is one."""
    if run.request.fingerprint != data.fingerprint:
        raise RunError(f"run '{run.path}' was made on other data than '{data.name}'; compare on the data of the run")
    run.best()
    ensemble = [] if run.state.ensembled is None else [_ensemble(run, run.state.ensembled)]
    return [_finalist(run, trial, data) for trial in run.finalists()] + ensemble


def _finalist(run: Run, trial: Trial, data: Dataset) -> Contender:
    assert run.state.chosen is not None
    seeds = tuple(seed for seed in run.state.chosen.seeds if seed in trial.finalist)
    predictions = [_read(run.path / layout.test_predictions_file(trial.number, seed)) for seed in seeds]
    architecture = compose(trial.proposal.design, data.schema)
    return Contender(
        name=trial.name,
        parameters=architecture.parameters,
        macs=architecture.macs,
        scores=tuple(trial.tested[seed] for seed in seeds),
        predictions=tuple(
            {name: np.asarray(values, dtype=np.float64) for name, values in one.items()} for one in predictions
        ),
        rows_per_second=float(np.median([trial.finalist[seed].rows_per_second for seed in seeds])),
        seeds=seeds,
        chosen=trial.number == run.best().number,
        choosing=trial.finalist_mean,
        diagnosis=trial.diagnosis,
    )


def _ensemble(run: Run, found: Ensembled) -> Contender:
    """Every member is held and run, so parameters and operations are sums."""
    assert run.state.chosen is not None
    seeds = run.state.chosen.seeds
    trials = [run.state.trials[one.number] for one in found.members]
    return Contender(
        name=f"ensemble of {len(found.members)}",
        parameters=sum(trial.proposed.parameters for trial in trials),
        macs=sum(trial.proposed.macs for trial in trials),
        scores=(found.scores,),
        predictions=(ensemble_test_predictions(run.folder, found.members),) * len(seeds),
        rows_per_second=1
        / sum(1 / trial.finalist[one.seed].rows_per_second for trial, one in zip(trials, found.members, strict=True)),
        seeds=seeds,
    )


def _read(path: Path) -> Mapping[str, NDArray[np.float32]]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise RunError(f"'{path}' cannot be read: {problem}; take it from a copy of the run") from None


def _apart(contender: Contender, run: Run, taken: Collection[str], *, several: bool) -> Contender:
    """Under a name of its own: of several runs, trials are named with theirs, and so is a preset that both hold."""
    if not several or (contender.name in preset_names() and contender.name not in taken):
        return contender
    return replace(contender, name=f"{contender.name} of {run.path}")


def _opened(one: Contestant, data: Dataset) -> Run | Design | Architecture:
    if isinstance(one, Run | Design | Architecture):
        return one
    text = str(one)
    if text in preset_names():
        return preset(text, data.schema)
    path = Path(text)
    if path.is_dir():
        return (
            load_run(path)
            if not (path / "architecture.json").exists()
            else load_architecture(path / "architecture.json")
        )
    if path.suffix == ".json":
        return load_architecture(path)
    names = preset_names()
    raise MtlNasError(
        f"nothing to compare at '{text}'; give a run folder, an architecture file, or a preset: "
        f"{', '.join(names)}{nearest(text, names)}"
    )


def _name(given: Contestant, place: int) -> str:
    if isinstance(given, str | Path):
        return str(given)
    return f"{type(given).__name__.lower()} {place + 1}"
