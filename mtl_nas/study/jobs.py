"""Jobs for workers, and their results."""

from hashlib import blake2b
from typing import Literal

from mtl_nas.design import Precision, Proposal
from mtl_nas.record import Failure, Measured, NetworkName, Proposed
from mtl_nas.scoring import Scores
from mtl_nas.values import Value


class Job(Value):
    """The training of a trial from one rung to the next, or of a finalist from scratch on a fresh seed."""

    number: int  # the number of its trial
    kind: Literal["trial", "finalist"]
    rung: int
    share: float  # the share of a full training at which the job ends
    from_rung: int | None = None  # the rung whose training state is continued
    stops: tuple[float, ...] = ()  # shares at which the trial was scored; without its state, it is checked there again
    keep_state: bool = False  # whether to save the training state, from which a higher rung may continue
    keep_network: bool = False  # whether to store the network of a trial, and to score it on the choosing rows
    seed: int
    proposal: Proposal
    weights: dict[str, float] = {}  # task weights of the score by which the best check is chosen; empty: all equal
    latency: bool = False  # whether to measure the latency
    limits: dict[str, float] = {}  # upper limits of measured costs

    @property
    def name(self) -> tuple[str, int, int, int]:
        """The identity of the job within a run."""
        return self.kind, self.number, self.rung, self.seed

    @property
    def network(self) -> NetworkName:
        """The name of the network that the job trains."""
        to_the_end = self.kind == "finalist" or self.share == 1.0
        return NetworkName(self.number, self.seed, None if to_the_end else self.rung)

    @property
    def common(self) -> tuple[object, ...]:
        """Equal for jobs that can be trained in one stack."""
        return self.kind, self.from_rung, self.stops, self.share, self.proposal.common, self.weights


class JobResult(Value):
    """Scores, or a failure. The seconds of jobs that were done as one are divided among them."""

    score: float = 0.0
    scores: Scores = {}
    rows: int = 0
    seconds: float = 0.0
    rows_per_second: float = 0.0
    latency_ms: float | None = None
    choosing: Measured | None = None  # of a trial whose network is kept
    failure: Failure | Literal["machine"] | None = None  # machine: not the trial's fault, and not recorded
    reason: str = ""
    trace: str = ""

    @property
    def measured(self) -> dict[str, object]:
        """The fields of a successful training that the record holds."""
        return {name: getattr(self, name) for name in ("score", "scores", "rows", "seconds", "rows_per_second")}


def with_precision(proposal: Proposal, precision: Precision) -> Proposal:
    """The proposal with the precision ``auto`` replaced."""
    if proposal.training.precision != "auto":
        return proposal
    training = proposal.training.model_copy(update={"precision": precision})
    return proposal.model_copy(update={"training": training})


def training_seed(seed: int, proposed: Proposed) -> int:
    """The seed on which a trial is trained in a search of a seed; each replicate has its own."""
    replicate = [proposed.replicate] if proposed.replicate else []
    return seed_of(seed, "train", proposed.proposal_key, *replicate)


def seed_of(*purpose: object) -> int:
    """A seed that is derived from the words and numbers of its purpose, equal on every machine.

    >>> seed_of(0, "finalist", 1) == seed_of(0, "finalist", 1)
    True
    """
    text = "\x1f".join(str(part) for part in purpose)
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") >> 1
