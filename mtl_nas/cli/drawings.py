"""``mtl-search show``: drawings of architectures, and spaces as YAML."""

from pathlib import Path

import yaml

from mtl_nas.architecture import Architecture, drawing
from mtl_nas.cli.space_report import run_lines
from mtl_nas.comparison import diagnosed
from mtl_nas.composition import compose
from mtl_nas.data import load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.exports import Model, is_model_folder, load_architecture, load_model
from mtl_nas.files import write_whole
from mtl_nas.presets import preset, preset_names
from mtl_nas.record import RunFolder
from mtl_nas.space import load_space, plain_tree, space_names
from mtl_nas.study import Run, load_run
from mtl_nas.terminal import Terminal, print_line
from mtl_nas.values import nearest

EXAMPLE_DATA = "synthetic-funnel"  # data set for which a preset is drawn if none is given
FORMATS = {"text": drawing.text, "mermaid": drawing.mermaid, "svg": drawing.svg}
SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".md": "mermaid", ".txt": "text"}


def print_drawing(what: str, data: str | None, format: str, to: Path | None) -> None:
    """Print or write the drawing of an architecture, or print a space."""
    if to is not None and to.suffix:
        if to.suffix not in SUFFIXES:
            raise MtlNasError(f"'{to}' ends in '{to.suffix}'; drawings are written as {', '.join(SUFFIXES)}")
        format = SUFFIXES[to.suffix]
    is_preset = what in preset_names()
    if not is_preset and (what in space_names() or _is_space_file(what)):
        text = f"# space {what}\n{yaml.safe_dump(plain_tree(load_space(what)), sort_keys=False, width=100)}"
    else:
        text = FORMATS[format](_architecture(what, data))
    if to is not None:
        write_whole(to, text.encode())
        print_line(f"wrote {to}")
        return
    Terminal(soft_wrap=format != "text", emoji=False).print(text, markup=False, highlight=False)
    if format == "text" and not is_preset and RunFolder(what).exists:
        _print_findings(load_run(what))


def _print_findings(run: Run) -> None:
    """Print the diagnosis of the best network, and conclusions from the trials about the space."""
    best = run.best()
    if best.diagnosis is not None:  # records of older versions have none
        Terminal().print(diagnosed(f"\nHow tasks share the network of {best.name}:", best.diagnosis))
    for line in run_lines(run):
        print_line(line)


def _best_network(run: Run) -> Model:
    """The best single network of a run, which has one graph, also where an ensemble is better."""
    run.best()
    return load_model(run.single_folder)


def _is_space_file(what: str) -> bool:
    return what.endswith((".yaml", ".yml")) and Path(what).is_file()


def _architecture(what: str, data: str | None) -> Architecture:
    path = Path(what)
    if what in preset_names():
        schema = load_dataset(data or EXAMPLE_DATA).schema
        return compose(preset(what, schema), schema)
    if (path / "architecture.json").exists():
        return load_architecture(path / "architecture.json")
    if path.suffix == ".json":
        return load_architecture(path)
    if path.is_dir():
        return (load_model(path) if is_model_folder(path) else _best_network(load_run(path))).architecture
    names = (*preset_names(), *space_names())
    raise MtlNasError(
        f"nothing to show at '{what}'; give a run, a model folder, an architecture file, a space, or a preset: "
        f"{', '.join(preset_names())}{nearest(what, names)}"
    )
