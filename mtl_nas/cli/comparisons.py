"""``mtl-search compare``."""

from mtl_nas.cli.notes import notes_are_shown
from mtl_nas.comparison import compare, diagnoses, tables
from mtl_nas.data import Dataset, load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.record import RunFolder
from mtl_nas.study import add_seeds, data_of_run, load_run
from mtl_nas.terminal import Terminal

SEEDS = 3  # trainings of a design that no run has trained, if no number is given


def print_comparison(
    what: list[str], data: str | None, *, seeds: int | None, device: str | None, trees: bool | None
) -> None:
    """Print the tables of a comparison, and the diagnoses of its designs; a number of seeds is added to runs."""
    dataset = load_dataset(data) if data is not None else _data_of_runs(what)
    runs = [path for path in what if RunFolder(path).exists]
    if seeds is not None:
        for path in runs:
            add_seeds(path, dataset, seeds, device=device or "cpu", progress=notes_are_shown())
    comparison = compare(what, dataset, seeds=SEEDS if seeds is None else seeds, device=device, trees=trees)
    Terminal().print(tables(comparison), diagnoses(comparison), sep="")


def _data_of_runs(what: list[str]) -> Dataset:
    """The data set of the first run that has one on disk."""
    for path in what:
        if RunFolder(path).exists:
            request = load_run(path).request
            if request.data.get("data", {}).get("table"):
                return data_of_run(path, request)
    raise MtlNasError("compare needs data to train and score on: give --data, or a run whose data is on disk")
