"""The lines of a record: one fact each, in the order in which they became true."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mtl_nas.design import Proposal
from mtl_nas.record.diagnosis import Diagnosis
from mtl_nas.scoring import Scores
from mtl_nas.values import Value

Failure = Literal["diverged", "memory", "limit", "error", "lost"]


class Proposed(Value):
    """A design and its training, before anything is trained.

    A duplicate is answered by the trial it repeats, unless it is a replicate: that trains the same on a new seed.
    """

    event: Literal["proposed"] = "proposed"
    number: int
    origin: str  # preset:<name>, the sampler's word, replicate, import:<run>
    parents: tuple[int, ...] = ()  # the trials that it was changed from
    proposal: Proposal
    decisions: dict[str, int | float] | None = None  # None: the space does not hold it
    architecture_key: str
    proposal_key: str
    parameters: int
    macs: int
    duplicate_of: int | None = None
    replicate: int = 0  # 0: of no trial, or an answered duplicate
    taken_over: bool = False  # from another run, with its scores


class Scored(Value):
    """A trial reached a rung. ``score`` is the best so far, ``rows`` and ``seconds`` the work since the rung below."""

    event: Literal["scored"] = "scored"
    number: int
    rung: int
    score: float
    scores: Scores
    rows: int
    seconds: float
    rows_per_second: float = 0.0
    latency_ms: float | None = None  # where it was asked for


class Promoted(Value):
    """A trial goes on to the next rung."""

    event: Literal["promoted"] = "promoted"
    number: int
    rung: int
    reason: str


class Stopped(Value):
    """A trial is not trained further, and why."""

    event: Literal["stopped"] = "stopped"
    number: int
    rung: int
    reason: str


class Failed(Value):
    """An attempt ended without a score. A lost worker is tried again once, anything else is final."""

    event: Literal["failed"] = "failed"
    number: int
    rung: int
    failure: Failure
    reason: str
    trace: str = ""
    seed: int | None = None  # of a finalist
    seconds: float = 0.0


class Piloted(Value):
    """What the first trials measured on this table, and what follows for the search.

    ``noise`` is the standard deviation over seeds, ``spread`` the one between designs without it; ``correlations``:
    Spearman's of each rung's scores with those of full trainings. ``rungs`` are the ones that are used from now on.
    """

    event: Literal["piloted"] = "piloted"
    noise: float
    spread: float
    correlations: dict[int, float]
    rungs: tuple[int, ...]
    finalists: int
    seeds: int
    reason: str


class Closed(Value):
    """No further proposals, and why."""

    event: Literal["closed"] = "closed"
    reason: str
    exhausted: bool = False  # the space has nothing new; else the time is up


class Chosen(Value):
    """The finalists: trained again from scratch on these seeds."""

    event: Literal["chosen"] = "chosen"
    numbers: tuple[int, ...]
    seeds: tuple[int, ...]


class Retired(Value):
    """A finalist is not trained on further seeds, and why."""

    event: Literal["retired"] = "retired"
    number: int
    reason: str


class Finalist(Value):
    """A finalist on one fresh seed, scored on the rows that no rung has seen."""

    event: Literal["finalist"] = "finalist"
    number: int
    seed: int
    score: float
    scores: Scores
    rows: int
    seconds: float
    rows_per_second: float = 0.0


class Tested(Value):
    """A finalist on the test split, which is opened once, scores by seed; what its first seed shows on tuning rows."""

    event: Literal["tested"] = "tested"
    number: int
    scores: dict[int, Scores]
    diagnosis: Diagnosis | None = None  # of records before there were any


class Best(Value):
    """The finalist whose model is in ``best/``, and why."""

    event: Literal["best"] = "best"
    number: int
    seed: int
    reason: str = ""


class Member(Value):
    """A finalist's network in an ensemble, and its share; the shares of all sum to 1."""

    number: int
    seed: int
    share: float


class Ensembled(Value):
    """Finalists whose predictions are averaged: the score on the choosing rows that chose them, the test scores."""

    event: Literal["ensembled"] = "ensembled"
    members: tuple[Member, ...]
    score: float
    scores: Scores


class Note(Value):
    """Something a reader of the record should know."""

    event: Literal["note"] = "note"
    text: str


Event = Annotated[
    Proposed
    | Scored
    | Promoted
    | Stopped
    | Failed
    | Piloted
    | Closed
    | Chosen
    | Retired
    | Finalist
    | Tested
    | Best
    | Ensembled
    | Note,
    Field(discriminator="event"),
]
EVENTS: TypeAdapter[Event] = TypeAdapter(Event)
