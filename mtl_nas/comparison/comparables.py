"""The designs of a comparison, from runs, presets, designs and files: trained on equal seeds, or read from a run."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from mtl_nas.architecture import Architecture
from mtl_nas.comparison.design_result import DesignResult, train_and_test
from mtl_nas.comparison.run_results import results_of_run
from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.design import Design, Training
from mtl_nas.errors import MtlNasError
from mtl_nas.exports import is_model_folder, load_architecture, load_model
from mtl_nas.presets import preset, preset_names
from mtl_nas.record import RunFolder
from mtl_nas.study import BASELINE, Run, load_run
from mtl_nas.values import nearest

Comparable = Run | Design | Architecture | str | Path


def design_results(
    what: Sequence[Comparable], data: Dataset, *, seeds: int, training: Training, device: str
) -> list[DesignResult]:
    """Test results of all designs: those of runs first, in the order given, and the baseline last if it is missing.

    A preset that a run has trained is not trained again. With a run, its seeds and training replace the given ones.
    """
    opened = {_name(design, index): _opened(design, data) for index, design in enumerate(what)}
    runs = [run for run in opened.values() if isinstance(run, Run)]
    designs: list[DesignResult] = []
    for run in runs:
        taken = {design.name for design in designs}
        designs += [_renamed(design, run, taken) if len(runs) > 1 else design for design in results_of_run(run, data)]
    if runs:
        training = runs[0].space().for_schema(data.schema).default().training
    numbers = designs[0].seeds if designs and not designs[0].of_search else tuple(range(seeds))
    of_runs = {design.name for design in designs}
    given = {name: design for name, design in opened.items() if not isinstance(design, Run)}
    if BASELINE not in of_runs:
        given.setdefault(BASELINE, preset(BASELINE, data.schema))
    for name, design in given.items():
        if name not in of_runs:
            designs.append(train_and_test(name, design, data, training, numbers, device=device))
    return designs


def first_run(what: Sequence[Comparable]) -> Run | None:
    """The first run of a comparison."""
    for given in what:
        if isinstance(given, Run):
            return given
        if isinstance(given, str | Path) and str(given) not in preset_names() and RunFolder(given).exists:
            return load_run(given)
    return None


def architecture_of(what: Comparable, data: Dataset) -> Architecture:
    """The graph of a design; of a run, that of its best trial."""
    opened = _opened(what, data)
    design = opened.best().proposal.design if isinstance(opened, Run) else opened
    return compose(design, data.schema) if isinstance(design, Design) else design


def _renamed(design: DesignResult, run: Run, taken: Collection[str]) -> DesignResult:
    """Add the run's folder to the name of a design; a preset keeps its name in the first run that has it."""
    if design.name in preset_names() and design.name not in taken:
        return design
    return replace(design, name=f"{design.name} of {run.path}")


def _opened(what: Comparable, data: Dataset) -> Run | Design | Architecture:
    if isinstance(what, Run | Design | Architecture):
        return what
    text, path, names = str(what), Path(what), preset_names()
    if text in names:
        return preset(text, data.schema)
    if path.suffix == ".json":
        return load_architecture(path)
    if (path / "architecture.json").exists():
        return load_architecture(path / "architecture.json")
    if is_model_folder(path):
        return load_model(path).architecture
    if path.is_dir():
        return load_run(path)
    raise MtlNasError(
        f"nothing to compare at '{text}'; give a run folder, an architecture file, or a preset: "
        f"{', '.join(names)}{nearest(text, names)}"
    )


def _name(given: Comparable, index: int) -> str:
    return str(given) if isinstance(given, str | Path) else f"{type(given).__name__.lower()} {index + 1}"
