"""The state of a run after some events: its trials, its decisions and the work done."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from mtl_nas.errors import RunError
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
    Selected,
    Stopped,
    Tested,
)
from mtl_nas.record.trial import Trial


@dataclass
class RunState:
    """The state of a run after some events; ``add`` is the only method that changes it."""

    trials: dict[int, Trial] = field(init=False, default_factory=dict)  # by number
    pilot: Piloted | None = field(init=False, default=None)
    closed: Closed | None = field(init=False, default=None)
    chosen: Chosen | None = field(init=False, default=None)
    selected: Selected | None = field(init=False, default=None)  # the latest one
    best: Best | None = field(init=False, default=None)
    ensembled: Ensembled | None = field(init=False, default=None)
    events: int = field(init=False, default=0)  # lines of the record
    rows: int = field(init=False, default=0)  # rows trained, finalists included
    seconds: float = field(init=False, default=0.0)  # time of all jobs, failures included, summed over workers
    first_with: dict[str, int] = field(init=False, default_factory=dict)  # first trial of each proposal key
    by_origin: dict[str, int] = field(init=False, default_factory=dict)  # latest trial of each origin
    replicates: dict[int, list[int]] = field(init=False, default_factory=dict)  # replicates of each original trial

    def after(self, events: Iterable[Event]) -> Self:
        """Add the events, and return the state."""
        for event in events:
            try:
                self.add(event)
            except KeyError as problem:
                raise RunError(
                    f"line {self.events} of the record, a '{event.event}', is of trial {problem}, which no line "
                    "before it proposes; take the record from a copy"
                ) from None
        return self

    def add(self, event: Event) -> None:
        """Update the state by one event."""
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
            case Closed() | Chosen() | Selected() | Best() | Ensembled():
                setattr(self, event.event, event)

    def _begin(self, event: Proposed) -> None:
        self.trials[event.number] = Trial(event)
        self.first_with.setdefault(event.proposal_key, event.number)
        self.by_origin[event.origin] = event.number
        if event.replicate and event.duplicate_of is not None:
            self.replicates.setdefault(event.duplicate_of, []).append(event.number)

    def _charge(self, event: Scored | Finalist) -> None:
        self.rows += event.rows
        self.seconds += event.seconds

    @property
    def trained(self) -> list[Trial]:
        """The trials that are trained: all but duplicates, which take the scores of another trial."""
        return [trial for trial in self.trials.values() if trial.trained]

    @property
    def finalists(self) -> list[Trial]:
        """The trials that were trained as finalists, by number."""
        return [trial for trial in self.trials.values() if trial.finalist]

    def same_proposal(self, trial: Trial) -> list[Trial]:
        """The original of a trial and its replicates, each trained on a seed of its own."""
        return [self.trials[number] for number in (trial.original, *self.replicates.get(trial.original, []))]
