"""Commands that look at what is there."""

from pathlib import Path

import yaml
from rich.console import Console

from mtl_nas.architecture import Architecture, drawing
from mtl_nas.cli.healthy import run_lines
from mtl_nas.comparison import compare, diagnosed, diagnoses, tables
from mtl_nas.composition import compose
from mtl_nas.data import Dataset, Declaration, load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.exports import load_architecture
from mtl_nas.presets import preset, preset_names
from mtl_nas.record import Trial
from mtl_nas.record.folder import write_whole
from mtl_nas.space import load_space, plain_tree, space_names
from mtl_nas.study import load_run
from mtl_nas.values import nearest

EXAMPLE = "synthetic-funnel"  # whose columns a preset is drawn on if no data are given
FORMATS = {"text": drawing.text, "mermaid": drawing.mermaid, "svg": drawing.svg}
SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".md": "mermaid", ".txt": "text"}


def print_shown(what: str, data: str | None, form: str, to: Path | None) -> None:
    """``mtl-search show``."""
    if to is not None and to.suffix:
        if to.suffix not in SUFFIXES:
            raise MtlNasError(f"'{to}' ends in '{to.suffix}'; drawings are written as {', '.join(SUFFIXES)}")
        form = SUFFIXES[to.suffix]
    if form not in FORMATS:
        raise MtlNasError(f"no format '{form}'; formats: {', '.join(FORMATS)}{nearest(form, FORMATS)}")
    if what not in preset_names() and (what in space_names() or _is_space(what)):
        shown = f"# space {what}\n{yaml.safe_dump(plain_tree(load_space(what)), sort_keys=False, width=100)}"
    else:
        shown = FORMATS[form](_architecture(what, data))
    if to is None:
        Console(soft_wrap=form != "text", emoji=False).print(shown, markup=False, highlight=False, end="\n")
        if form == "text" and what not in preset_names() and (Path(what) / "search.yaml").exists():
            run = load_run(what)
            _print_diagnosis(run.best())
            for line in run_lines(run):
                print(line)
    else:
        write_whole(to, shown.encode())
        print(f"wrote {to}")


def _print_diagnosis(best: Trial) -> None:
    if best.diagnosis is not None:  # older records have none
        Console().print(diagnosed(f"\nWhat became of the sharing in {best.name}:", best.diagnosis))


def print_comparison(what: list[str], data: str | None, seeds: int, device: str | None) -> None:
    """``mtl-search compare``."""
    found = load_dataset(data) if data is not None else _data_of(what)
    comparison = compare(what, found, seeds=seeds, device=device)
    Console().print(tables(comparison), diagnoses(comparison), sep="")


def _is_space(what: str) -> bool:
    return what.endswith((".yaml", ".yml")) and Path(what).is_file()


def _architecture(what: str, data: str | None) -> Architecture:
    path = Path(what)
    if what in preset_names():
        schema = load_dataset(data or EXAMPLE).schema
        return compose(preset(what, schema), schema)
    if (path / "architecture.json").exists():
        return load_architecture(path / "architecture.json")
    if path.suffix == ".json":
        return load_architecture(path)
    if path.is_dir():
        return load_run(path).best_model().architecture
    names = (*preset_names(), *space_names())
    raise MtlNasError(
        f"nothing to show at '{what}'; give a run, a model folder, an architecture file, a space, or a preset: "
        f"{', '.join(preset_names())}{nearest(what, names)}"
    )


def _data_of(what: list[str]) -> Dataset:
    for one in what:
        if (Path(one) / "search.yaml").exists():
            declared = load_run(one).request.data
            if declared.get("data", {}).get("table"):
                return load_dataset(Declaration.model_validate(declared))
    raise MtlNasError("compare needs data to train and score on: give --data, or a run that knows its own")
