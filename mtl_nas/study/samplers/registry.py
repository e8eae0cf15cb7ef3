"""The samplers by name; a module registers its samplers, and users may register their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from mtl_nas.design import Proposal
from mtl_nas.errors import RunError
from mtl_nas.space import Decider, Decisions, Replay, SearchSpace
from mtl_nas.study.samplers.observations import Observation
from mtl_nas.values import unknown

AUTO = "auto"  # the sampler that suits the budget and the objectives


@dataclass(frozen=True)
class Suggestion:
    """A proposal, the decisions that spell it, a word for where it comes from, and the trials that it was made of."""

    proposal: Proposal
    decisions: Decisions
    origin: str
    parents: tuple[int, ...] = field(default=())

    @classmethod
    def drawn(cls, space: SearchSpace, decider: Decider, origin: str) -> "Suggestion":
        """What a decider chooses at every hole of the space."""
        proposal, decisions = space.draw(decider)
        return cls(proposal, decisions, origin)

    @classmethod
    def of(cls, space: SearchSpace, decisions: Decisions, origin: str, *parents: Observation) -> "Suggestion":
        """The proposal that some decisions spell; a SpaceError if they leave a hole of the space open."""
        numbers = tuple(dict.fromkeys(parent.number for parent in parents))
        return cls(space.resolve(Replay(decisions)), decisions, origin, numbers)


class Sampler(Protocol):
    """Suggests the next proposal of a search.

    A sampler is a function of its arguments alone: a resumed search asks again and must get the same answer. It is
    called once ten proposals are observed; a quarter of all proposals are random draws all the same.
    """

    def __call__(self, space: SearchSpace, history: Sequence[Observation], seed: int, /) -> Suggestion:
        """Suggest a proposal, given what was observed, in the order of proposal."""
        ...


@dataclass(frozen=True)
class Registered:
    """A sampler, its description for help and docs, and whether it learns from what was observed."""

    sampler: Sampler
    description: str
    learns: bool = True


S = TypeVar("S", bound=Sampler)
SAMPLERS: dict[str, Registered] = {}


def register(name: str, description: str, *, learns: bool = True) -> Callable[[S], S]:
    """Register a sampler under a name, by which settings, search files and the command line know it.

    A sampler that does not learn makes all proposals of a search; the first ones need no random draws in its place.
    """

    def decorate(sampler: S) -> S:
        SAMPLERS[name] = Registered(sampler, description, learns)
        return sampler

    return decorate


def name_of(sampler: str | Sampler) -> str:
    """The name of a registered sampler; any other callable is registered under the name of its definition.

    Raises:
        RunError: no sampler has the name.
    """
    if not isinstance(sampler, str):
        kind = sampler if hasattr(sampler, "__qualname__") else type(sampler)
        name = f"{kind.__module__}.{kind.__qualname__}"
        registered = next((key for key, entry in SAMPLERS.items() if entry.sampler is sampler), name)
        if registered == name:
            register(name, "a sampler of the user")(sampler)
        return registered
    if sampler != AUTO and sampler not in SAMPLERS:
        own = "; a sampler of your own is passed to search(..., sampler=...), also to continue"
        raise RunError(unknown("sampler", sampler, (AUTO, *sorted(SAMPLERS))) + own)
    return sampler
