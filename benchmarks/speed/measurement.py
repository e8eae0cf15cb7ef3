"""One speed measurement: the table and the model of all libraries, and how a library is run.

Not a command: the other modules of this folder import it.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Model = Literal["mmoe", "ple"]
POSITIVE_SHARE = 0.3  # share of the rows whose label is 1, per task


@dataclass(frozen=True)
class Sizes:
    """Sizes of a table of categories and of a model on it, the same for all libraries."""

    model: Model = "mmoe"
    rows: int = 20_480  # per epoch
    fields: int = 40
    levels: int = 1_000  # per field
    embedding: int = 8
    tasks: int = 2
    experts: int = 8  # experts of MMoE
    depth: int = 2  # levels of PLE
    shared: int = 2  # shared experts per level of PLE
    specific: int = 2  # experts per task and level of PLE
    hidden: tuple[int, ...] = (64, 32)
    tower: tuple[int, ...] = (16,)

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(f"c{index:02}" for index in range(self.fields))

    @property
    def task_names(self) -> tuple[str, ...]:
        return tuple(f"t{index:02}" for index in range(self.tasks))


# Rows per epoch by device: an epoch must last much longer than the work at its start and its end.
EPOCH_ROWS = {"cpu": Sizes.rows, "cuda": 20 * Sizes.rows}


@dataclass(frozen=True)
class Settings:
    """How a library is run, and for how many seconds after the warm-up.

    ``seeds`` is the number of fits of one design that are trained as one stack; ``compiled`` passes the network through
    ``torch.compile``.
    """

    batch: int = 1_024
    threads: int = 1
    device: str = "cpu"
    precision: str = "float32"
    norm: str = "none"
    seconds: float = 3.0
    seeds: int = 1
    compiled: bool = False

    @property
    def clock(self) -> Callable[[], float]:
        """Process time for one thread on the processor, wall time otherwise.

        Other work on the machine does not lengthen process time. Without other work the two are equal for one thread.
        """
        return time.process_time if self.threads == 1 and self.device == "cpu" else time.perf_counter


@dataclass(frozen=True)
class Measurement:
    """One measurement, which a fresh process takes; ``side`` is a key of ``measure_once.SIDES``."""

    side: str
    sizes: Sizes = Sizes()
    settings: Settings = Settings()

    def to_json(self) -> dict[str, Any]:
        """Return plain data that ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> "Measurement":
        """Return the measurement that ``to_json`` wrote.

        >>> measurement = Measurement("ours", Sizes(model="ple"))
        >>> Measurement.from_json(measurement.to_json()) == measurement
        True
        """
        sizes = {name: tuple(value) if isinstance(value, list) else value for name, value in tree["sizes"].items()}
        return cls(tree["side"], Sizes(**sizes), Settings(**tree["settings"]))


def random_table(sizes: Sizes, seed: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Draw ids (N, F) from 1 to ``levels``, id 0 being that of unseen levels, and labels (N, T)."""
    random = np.random.default_rng(seed)
    ids = random.integers(1, sizes.levels + 1, (sizes.rows, sizes.fields), dtype=np.int32)
    labels = random.random((sizes.rows, sizes.tasks)) < POSITIVE_SHARE
    return ids, labels.astype(np.float32)
