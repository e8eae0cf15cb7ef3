"""``mtl-search compare``."""

from mtl_nas.comparison import compare, diagnoses, tables
from mtl_nas.data import Dataset, load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.record import RunFolder
from mtl_nas.study import data_of_run, load_run
from mtl_nas.terminal import Terminal


def print_comparison(what: list[str], data: str | None, *, seeds: int, device: str | None, trees: bool | None) -> None:
    """Print the tables of a comparison, and the diagnoses of its designs."""
    dataset = load_dataset(data) if data is not None else _data_of_runs(what)
    comparison = compare(what, dataset, seeds=seeds, device=device, trees=trees)
    Terminal().print(tables(comparison), diagnoses(comparison), sep="")


def _data_of_runs(what: list[str]) -> Dataset:
    """The data set of the first run that has one on disk."""
    for path in what:
        if RunFolder(path).exists:
            request = load_run(path).request
            if request.data.get("data", {}).get("table"):
                return data_of_run(path, request)
    raise MtlNasError("compare needs data to train and score on: give --data, or a run whose data is on disk")
