"""A trial: a proposal, and the events of its training."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean, stdev

from mtl_nas.design import Proposal
from mtl_nas.record.diagnosis import Diagnosis
from mtl_nas.record.events import Failed, Finalist, Proposed, Retired, Scored, Stopped
from mtl_nas.scoring import Scores

ATTEMPTS = 2  # trainings of a job whose worker is lost, or that ends in an error
REPEATED = ("lost", "error")


@dataclass
class Trial:
    """A proposal of a search, and the results of its training."""

    proposed: Proposed
    rung: int = field(init=False, default=0)  # the rung up to which it may be trained
    scored: dict[int, Scored] = field(init=False, default_factory=dict)  # by rung
    stopped: Stopped | None = field(init=False, default=None)
    failures: list[Failed] = field(init=False, default_factory=list)
    finalist: dict[int, Finalist] = field(init=False, default_factory=dict)  # its trainings as a finalist, by seed
    retired: Retired | None = field(init=False, default=None)
    tested: dict[int, Scores] = field(init=False, default_factory=dict)  # scores on the test rows, by seed
    diagnosis: Diagnosis | None = field(init=False, default=None)  # of the network of its first seed as a finalist

    @property
    def number(self) -> int:
        return self.proposed.number

    @property
    def proposal(self) -> Proposal:
        return self.proposed.proposal

    @property
    def parameters(self) -> int:
        """Number of trained weights of its network."""
        return self.proposed.parameters

    @property
    def macs(self) -> int:
        """Multiply-adds of its network per row."""
        return self.proposed.macs

    @property
    def preset(self) -> str | None:
        """The name of the preset that it trains, if it trains one."""
        origin, _, preset = self.proposed.origin.partition(":")
        return preset if origin == "preset" else None

    @property
    def name(self) -> str:
        """The preset's name, such as ``ple``, or ``trial 17``."""
        return self.preset or f"trial {self.number}"

    @property
    def trained(self) -> bool:
        """Whether it is trained; a duplicate takes the scores of the trial that it repeats."""
        return self.proposed.duplicate_of is None or self.proposed.replicate > 0

    @property
    def original(self) -> int:
        """The number of the first trial with the same proposal."""
        return self.number if self.proposed.duplicate_of is None else self.proposed.duplicate_of

    @property
    def failed(self) -> Failed | None:
        """The final failure of its training before the finalists; None if there is none."""
        return _final(failure for failure in self.failures if failure.seed is None)

    def finalist_failed(self, seed: int) -> Failed | None:
        """The final failure of its training as a finalist on a seed; None if there is none."""
        return _final(failure for failure in self.failures if failure.seed == seed)

    @property
    def score(self) -> float | None:
        """The best score so far, at the highest rung that it reached."""
        return self.scored[max(self.scored)].score if self.scored else None

    @property
    def latency_ms(self) -> float:
        """Milliseconds per batch of predictions; 0 where it was not measured."""
        return next((scored.latency_ms for scored in self.scored.values() if scored.latency_ms is not None), 0.0)

    @property
    def finalist_mean(self) -> float:
        """The mean score over its seeds as a finalist, on the choosing rows."""
        return fmean(result.score for result in self.finalist.values())

    @property
    def finalist_deviation(self) -> float | None:
        """The standard deviation of the score over its seeds as a finalist; None below two seeds."""
        scores = [result.score for result in self.finalist.values()]
        return stdev(scores) if len(scores) > 1 else None

    @property
    def best_seed(self) -> int:
        """The seed with the best score as a finalist, on the choosing rows."""
        return max(self.finalist.values(), key=lambda result: result.score).seed


def _final(failures: Iterable[Failed]) -> Failed | None:
    """The failure after which a training is not repeated, the last attempt's at the latest; None before."""
    attempts = list(failures)
    own = next((failure for failure in attempts if failure.failure not in REPEATED), None)
    return own or (attempts[-1] if len(attempts) >= ATTEMPTS else None)
