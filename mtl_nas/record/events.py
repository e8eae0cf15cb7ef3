"""The lines of a record: one event each, in the order in which they happened."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mtl_nas.design import Proposal
from mtl_nas.record.diagnosis import Diagnosis
from mtl_nas.scoring import Scores
from mtl_nas.values import Value

Failure = Literal["diverged", "memory", "limit", "error", "lost"]


class Proposed(Value):
    """A design and its training were proposed.

    A duplicate takes the scores of the trial that it repeats; a replicate is a duplicate that is trained on a new seed.
    """

    event: Literal["proposed"] = "proposed"
    number: int
    origin: str  # preset:<name>, replicate, or a word of the sampler, such as mutation
    parents: tuple[int, ...] = ()  # trials from which the sampler made the proposal
    proposal: Proposal
    decisions: dict[str, int | float] | None = None  # None: the space does not contain the proposal
    architecture_key: str
    proposal_key: str
    parameters: int
    macs: int
    duplicate_of: int | None = None
    replicate: int = 0  # number of the replicate among those of the same proposal, from 1; 0: not a replicate
    taken_over: bool = False  # whether the trial and its scores, in the events that follow, come from another run


class Measured(Value):
    """The scores of one stored network on the choosing rows, and their mean."""

    score: float
    scores: Scores


class Scored(Value):
    """A trial reached a rung.

    ``score`` is the best of all checks so far; ``rows`` and ``seconds`` count the work since the rung below.
    ``choosing`` is the network's result on the choosing rows if it is stored; no promotion depends on it.
    """

    event: Literal["scored"] = "scored"
    number: int
    rung: int
    score: float
    scores: Scores
    rows: int
    seconds: float
    rows_per_second: float = 0.0
    latency_ms: float | None = None  # measured if an objective or a limit needs it
    choosing: Measured | None = None


class Promoted(Value):
    """A trial may be trained up to a higher rung."""

    event: Literal["promoted"] = "promoted"
    number: int
    rung: int
    reason: str


class Stopped(Value):
    """A trial is not trained further."""

    event: Literal["stopped"] = "stopped"
    number: int
    rung: int
    reason: str


class Failed(Value):
    """A training ended without a score. It is repeated once after an error or a lost worker."""

    event: Literal["failed"] = "failed"
    number: int
    rung: int
    failure: Failure
    reason: str
    trace: str = ""
    seed: int | None = None  # the seed if the trial failed as a finalist; None before
    seconds: float = 0.0


class Piloted(Value):
    """The first trials of a search measured how well scores tell designs apart on this data set.

    ``noise`` is the standard deviation of scores between seeds, ``spread`` that between designs, net of noise.
    ``correlations`` are Spearman's, by rung, with the scores of full trainings. ``rungs`` are those that are used from
    now on.
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
    """The search makes no further proposals."""

    event: Literal["closed"] = "closed"
    reason: str
    exhausted: bool = False  # whether the space has no new proposal; otherwise the time for proposals is up


class Selected(Value):
    """The network that ``best/`` holds from now on, while the search goes on: the best so far on the choosing rows."""

    event: Literal["selected"] = "selected"
    number: int
    seed: int
    rung: int | None = None  # the rung at which it was stored; None: it was trained to the end
    score: float  # the value of the first objective on the choosing rows
    gain: float | None = None  # over the network before; None if it is the first
    networks: int  # stored networks among which it is the best


class Chosen(Value):
    """The finalists: the designs to compare, each trained from scratch on these seeds.

    With ``trainings``, a bound on all of these trainings, a design gets further seeds only if it cannot be told apart
    from the best one.
    """

    event: Literal["chosen"] = "chosen"
    numbers: tuple[int, ...]
    seeds: tuple[int, ...]
    trainings: int | None = None


class Retired(Value):
    """A finalist is not trained on further seeds."""

    event: Literal["retired"] = "retired"
    number: int
    reason: str


class Finalist(Value):
    """A finalist was trained on one fresh seed, and scored on the choosing rows, which no rung uses."""

    event: Literal["finalist"] = "finalist"
    number: int
    seed: int
    score: float
    scores: Scores
    rows: int
    seconds: float
    rows_per_second: float = 0.0


class Tested(Value):
    """A finalist was scored on the test rows, by seed; the diagnosis is of its first seed on tuning rows."""

    event: Literal["tested"] = "tested"
    number: int
    scores: dict[int, Scores]
    diagnosis: Diagnosis | None = None  # older records have none


class Best(Value):
    """The best network at the end of the search, which ``best/`` holds unless ``ensemble`` says otherwise.

    Records of version 0.1.0 hold finalists only.
    """

    event: Literal["best"] = "best"
    number: int
    seed: int
    rung: int | None = None  # None: it was trained to the end
    ensemble: bool = False  # whether ``best/`` holds the ensemble and ``single/`` this network
    reason: str = ""


class Member(Value):
    """A network in an ensemble; the shares of all members sum to 1."""

    number: int
    seed: int
    share: float


class Ensembled(Value):
    """Networks whose predictions are averaged: their score on the choosing rows, and their scores on the test rows."""

    event: Literal["ensembled"] = "ensembled"
    members: tuple[Member, ...]
    score: float
    scores: Scores


class Note(Value):
    """A remark for readers of the record."""

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
    | Selected
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
