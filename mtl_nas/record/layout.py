"""The names of the files in a run folder, relative to it."""

from typing import NamedTuple

REQUEST = "search.yaml"
RECORD = "trials.jsonl"
LOCK = ".run.lock"  # the operating system frees it when its process ends
OWNER = "run.lock"  # names the process that has the lock, for error messages
STATES = "states"  # training states of unfinished trials; if they are lost, work is repeated with the same result
BEST = "best"
ENSEMBLE = "ensemble"
SINGLE = "single"  # the best single network, if an ensemble is in ``best/``
REPORT = "report.html"  # written at the end of a search of the command line, if the extra is installed
TREES = "boosted_trees"  # predictions of boosted trees for the test rows, from a comparison


class NetworkName(NamedTuple):
    """A trained network of a run."""

    number: int  # of its trial
    seed: int
    rung: int | None = None  # the rung up to which it was trained; None: to the end


def state_file(number: int, rung: int, fold: int | None = None) -> str:
    """The training state of a trial at a rung; with folds, that of the network of one fold."""
    return f"{STATES}/{number:05d}-{rung}{_fold('-', fold)}.pt"


def weights_file(network: NetworkName, fold: int | None = None) -> str:
    """The weights of a network; with folds, those of the network of one fold."""
    return f"{_stem(network)}{_fold('.', fold)}.safetensors"


def choosing_predictions_file(network: NetworkName) -> str:
    """The predictions of a network for the choosing rows."""
    return f"{_stem(network)}.choosing.safetensors"


def test_predictions_file(network: NetworkName) -> str:
    """The predictions of a network for the test rows."""
    return f"{_stem(network)}.test.safetensors"


def _stem(network: NetworkName) -> str:
    name = f"seed{network.seed}" if network.rung is None else f"rung{network.rung}"
    return f"finalists/{network.number:05d}/{name}"


def _fold(mark: str, fold: int | None) -> str:
    return "" if fold is None else f"{mark}fold{fold}"


def diagnosis_file(number: int) -> str:
    """The diagnosis of a finalist, which the record holds too."""
    return f"finalists/{number:05d}/diagnosis.json"
