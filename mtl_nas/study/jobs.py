"""What a worker is asked to do, and what it answers."""

from hashlib import blake2b
from typing import Literal

from mtl_nas.design import Proposal
from mtl_nas.record.events import Failure
from mtl_nas.scoring import Scores
from mtl_nas.values import Value


class Job(Value):
    """Train a proposal from one share of its work to another; a finalist, from nothing to the end on a fresh seed."""

    number: int
    kind: Literal["trial", "finalist"]
    rung: int
    share: float
    from_rung: int | None = None  # whose state it goes on from
    keep_state: bool = False  # a higher rung may need it
    seed: int
    proposal: Proposal
    weights: dict[str, float] = {}  # of the tasks in the score that keeps the best check; empty: all alike
    latency: bool = False  # is to be measured
    limits: dict[str, float] = {}  # that the trial must keep to, of what is measured

    @property
    def name(self) -> tuple[str, int, int, int]:
        """What tells it from all other jobs of a run."""
        return self.kind, self.number, self.rung, self.seed

    @property
    def common(self) -> tuple[object, ...]:
        """What jobs share that can be done as one."""
        return self.kind, self.from_rung, self.share, self.proposal.common, self.weights


class Answer(Value):
    """Scores, or why there are none; of jobs that were done as one, each has its part of the seconds."""

    score: float = 0.0
    scores: Scores = {}
    rows: int = 0
    seconds: float = 0.0
    rows_per_second: float = 0.0
    latency_ms: float | None = None
    failure: Failure | None = None
    reason: str = ""
    trace: str = ""


def seed_of(*parts: object) -> int:
    """A seed from what it is for: the same in every process, on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") >> 1


def state_name(number: int, rung: int) -> str:
    """Where the state of a trial at a rung is kept."""
    return f"states/{number:05d}-{rung}.pt"


def weights_name(number: int, seed: int) -> str:
    """Where the weights of a finalist are kept."""
    return f"finalists/{number:05d}/seed{seed}.safetensors"


def predictions_name(number: int, seed: int) -> str:
    """Where a finalist's predictions of the choosing rows are kept."""
    return f"finalists/{number:05d}/seed{seed}.choosing.safetensors"
