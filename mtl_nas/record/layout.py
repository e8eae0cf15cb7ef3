"""The names of the files in a run folder, relative to it."""

REQUEST = "search.yaml"
RECORD = "trials.jsonl"
LOCK = ".run.lock"  # the operating system frees it when its process ends
OWNER = "run.lock"  # names the process that has the lock, for error messages
STATES = "states"  # training states of unfinished trials; if they are lost, work is repeated with the same result
BEST = "best"
ENSEMBLE = "ensemble"
TREES = "boosted_trees"  # predictions of boosted trees for the test rows, from a comparison


def state_file(number: int, rung: int, fold: int | None = None) -> str:
    """The training state of a trial at a rung; with folds, that of the network of one fold."""
    return f"{STATES}/{number:05d}-{rung}{_fold('-', fold)}.pt"


def weights_file(number: int, seed: int, fold: int | None = None) -> str:
    """The weights of a finalist on one seed; with folds, those of the network of one fold."""
    return f"finalists/{number:05d}/seed{seed}{_fold('.', fold)}.safetensors"


def choosing_predictions_file(number: int, seed: int) -> str:
    """The predictions of a finalist for the choosing rows."""
    return f"finalists/{number:05d}/seed{seed}.choosing.safetensors"


def test_predictions_file(number: int, seed: int) -> str:
    """The predictions of a finalist for the test rows."""
    return f"finalists/{number:05d}/seed{seed}.test.safetensors"


def _fold(mark: str, fold: int | None) -> str:
    return "" if fold is None else f"{mark}fold{fold}"


def diagnosis_file(number: int) -> str:
    """The diagnosis of a finalist, which the record holds too."""
    return f"finalists/{number:05d}/diagnosis.json"
