"""What the sides of a speed measurement have in common: one table, one model, one step."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Model = Literal["mmoe", "ple"]
POSITIVE = 0.3  # share of the rows, of each task


@dataclass(frozen=True)
class Sizes:
    """A table of categories and a model on it, the same for all libraries."""

    model: Model = "mmoe"
    rows: int = 20_480  # of an epoch
    fields: int = 40
    levels: int = 1_000  # of each field
    embedding: int = 8
    tasks: int = 2
    experts: int = 8  # of MMoE
    depth: int = 2  # levels of PLE
    shared: int = 2  # experts of a level of PLE
    specific: int = 2  # experts a task of a level of PLE
    hidden: tuple[int, ...] = (64, 32)
    tower: tuple[int, ...] = (16,)

    @property
    def fields_named(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(f"c{place:02}" for place in range(self.fields))

    @property
    def tasks_named(self) -> tuple[str, ...]:
        """The tasks."""
        return tuple(f"t{place:02}" for place in range(self.tasks))


# of an epoch, which must last well beyond what begins and ends it
ROWS = {"cpu": Sizes.rows, "cuda": 20 * Sizes.rows}


@dataclass(frozen=True)
class Measured:
    """How one side is run: rows a step, threads, device, precision, and for how long after the warm-up.

    ``seeds``: of one design, trained as one. ``compiled``: the network by ``torch.compile``.
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
        """Seconds that the process computed, which other work beside it does not lengthen; elsewhere the wall clock.

        With one thread and no other work both are the same.
        """
        return time.process_time if self.threads == 1 and self.device == "cpu" else time.perf_counter


@dataclass(frozen=True)
class Call:
    """One measurement, which a fresh process takes."""

    side: str
    sizes: Sizes = Sizes()
    measured: Measured = Measured()

    def tree(self) -> dict[str, Any]:
        """Plain data, which ``read`` reads."""
        return asdict(self)


def read(tree: dict[str, Any]) -> Call:
    """A call from its plain data.

    >>> read(Call("ours", Sizes(model="ple")).tree()) == Call("ours", Sizes(model="ple"))
    True
    """
    listed = {name: tuple(value) if isinstance(value, list) else value for name, value in tree["sizes"].items()}
    return Call(tree["side"], Sizes(**listed), Measured(**tree["measured"]))


def drawn(sizes: Sizes, seed: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Ids (N, F) from 1 to ``levels``, 0 being kept for unseen levels, and labels (N, T)."""
    random = np.random.default_rng(seed)
    ids = random.integers(1, sizes.levels + 1, (sizes.rows, sizes.fields), dtype=np.int32)
    labels = random.random((sizes.rows, sizes.tasks)) < POSITIVE
    return ids, labels.astype(np.float32)
