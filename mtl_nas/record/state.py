"""What the facts come to: trials, finalists and the work they took."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean, stdev

from mtl_nas.design import Proposal
from mtl_nas.record.diagnosis import Diagnosis
from mtl_nas.record.events import (
    Best,
    Chosen,
    Closed,
    Ensembled,
    Event,
    Failed,
    Finalist,
    Piloted,
    Promoted,
    Proposed,
    Retired,
    Scored,
    Stopped,
    Tested,
)
from mtl_nas.scoring import Scores

ATTEMPTS = 2  # of a job whose worker is lost


@dataclass
class Trial:
    """A proposal and what became of it."""

    proposed: Proposed
    rung: int = 0  # it is to reach
    scored: dict[int, Scored] = field(default_factory=dict)
    stopped: Stopped | None = None
    failures: list[Failed] = field(default_factory=list)
    finalist: dict[int, Finalist] = field(default_factory=dict)  # by seed
    retired: Retired | None = None  # as a finalist
    tested: dict[int, Scores] = field(default_factory=dict)
    diagnosis: Diagnosis | None = None  # of its first seed

    @property
    def number(self) -> int:
        """Place among all proposals."""
        return self.proposed.number

    @property
    def proposal(self) -> Proposal:
        """Design and training."""
        return self.proposed.proposal

    @property
    def name(self) -> str:
        """``ple`` for a preset, ``trial 17`` otherwise."""
        origin, _, preset = self.proposed.origin.partition(":")
        return preset if origin == "preset" else f"trial {self.number}"

    @property
    def trained(self) -> bool:
        """It is trained itself, and not answered by the trial that it repeats."""
        return self.proposed.duplicate_of is None or self.proposed.replicate > 0

    @property
    def original(self) -> int:
        """The first trial of this proposal, itself unless it repeats another."""
        return self.number if self.proposed.duplicate_of is None else self.proposed.duplicate_of

    @property
    def preset(self) -> str | None:
        """The name of the preset that it is."""
        origin, _, preset = self.proposed.origin.partition(":")
        return preset if origin == "preset" else None

    @property
    def failed(self) -> Failed | None:
        """The failure that ended it in the search."""
        final = [failure for failure in self.failures if failure.seed is None]
        lost = [failure for failure in final if failure.failure == "lost"]
        hard = [failure for failure in final if failure.failure != "lost"]
        return hard[0] if hard else lost[-1] if len(lost) >= ATTEMPTS else None

    def finalist_failed(self, seed: int) -> Failed | None:
        """The failure that ended this seed's training as a finalist."""
        mine = [failure for failure in self.failures if failure.seed == seed]
        hard = [failure for failure in mine if failure.failure != "lost"]
        return hard[0] if hard else mine[-1] if len(mine) >= ATTEMPTS else None

    @property
    def score(self) -> float | None:
        """The best so far at the highest rung it reached."""
        return self.scored[max(self.scored)].score if self.scored else None

    @property
    def latency_ms(self) -> float:
        """Milliseconds a batch of predictions, where they were measured."""
        return next((scored.latency_ms for scored in self.scored.values() if scored.latency_ms is not None), 0.0)

    @property
    def finalist_mean(self) -> float:
        """Mean over seeds on the choosing rows."""
        return fmean(found.score for found in self.finalist.values())

    @property
    def finalist_deviation(self) -> float | None:
        """Standard deviation over seeds, of two or more."""
        values = [found.score for found in self.finalist.values()]
        return stdev(values) if len(values) > 1 else None


@dataclass
class Standing:
    """A run as far as it has come."""

    trials: dict[int, Trial] = field(default_factory=dict)
    pilot: Piloted | None = None
    closed: Closed | None = None
    chosen: Chosen | None = None
    best: Best | None = None
    ensembled: Ensembled | None = None
    events: int = 0  # lines of the record
    rows: int = 0  # trained and scored, finalists included
    seconds: float = 0.0  # of work, failures and finalists included, summed over workers
    first_with: dict[str, int] = field(default_factory=dict)  # proposal key -> the trial that trains it
    presets: dict[str, int] = field(default_factory=dict)  # preset -> the trial that it is
    copies: dict[int, list[int]] = field(default_factory=dict)  # trial -> those that train the same on other seeds

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Standing":
        """The standing after these facts."""
        standing = cls()
        for event in events:
            standing.add(event)
        return standing

    def add(self, event: Event) -> None:
        """Take one more fact into account."""
        self.events += 1
        match event:
            case Proposed():
                self._begin(event)
            case Scored():
                self.trials[event.number].scored[event.rung] = event
                self._charge(event)
            case Promoted():
                self.trials[event.number].rung, self.trials[event.number].stopped = event.rung, None
            case Stopped():
                self.trials[event.number].stopped = event
            case Failed():
                self.trials[event.number].failures.append(event)
                self.seconds += event.seconds
            case Finalist():
                self.trials[event.number].finalist[event.seed] = event
                self._charge(event)
            case Retired():
                self.trials[event.number].retired = event
            case Tested():
                self.trials[event.number].tested = dict(event.scores)
                self.trials[event.number].diagnosis = event.diagnosis
            case Piloted():
                self.pilot = event
            case Closed() | Chosen() | Best() | Ensembled():
                setattr(self, event.event, event)

    def _begin(self, event: Proposed) -> None:
        self.trials[event.number] = Trial(event)
        self.first_with.setdefault(event.proposal_key, event.number)
        if (name := self.trials[event.number].preset) is not None:
            self.presets[name] = event.number
        if event.replicate and event.duplicate_of is not None:
            self.copies.setdefault(event.duplicate_of, []).append(event.number)

    @property
    def trained(self) -> list[Trial]:
        """Trials that are trained themselves: all but duplicates that are answered."""
        return [trial for trial in self.trials.values() if trial.trained]

    def alike(self, trial: Trial) -> list[Trial]:
        """The trials that train this proposal, each on a seed of its own; the original first."""
        return [self.trials[number] for number in (trial.original, *self.copies.get(trial.original, []))]

    def _charge(self, event: Scored | Finalist) -> None:
        self.rows += event.rows
        self.seconds += event.seconds
