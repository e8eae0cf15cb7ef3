"""The registry of samplers by name, to which modules and users add theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from mtl_nas.design import Proposal
from mtl_nas.errors import RunError
from mtl_nas.settings import AUTO, BUILT_IN_SAMPLERS
from mtl_nas.space import Decider, Decisions, Replay, SearchSpace
from mtl_nas.study.samplers.observations import Observation
from mtl_nas.values import unknown


@dataclass(frozen=True)
class Suggestion:
    """A proposal with its decisions.

    Attributes:
        proposal: The proposal.
        decisions: The decisions that resolve to it.
        origin: A word for the record, such as ``mutation``.
        parents: Numbers of the trials from which it was made.
    """

    proposal: Proposal
    decisions: Decisions
    origin: str
    parents: tuple[int, ...] = field(default=())

    @classmethod
    def drawn(cls, space: SearchSpace, decider: Decider, origin: str) -> "Suggestion":
        """The proposal for which a decider fills the holes of a space."""
        proposal, decisions = space.draw(decider)
        return cls(proposal, decisions, origin)

    @classmethod
    def of(cls, space: SearchSpace, decisions: Decisions, origin: str, *parents: Observation) -> "Suggestion":
        """The proposal to which decisions resolve; a SpaceError if a decision is missing."""
        numbers = tuple(dict.fromkeys(parent.number for parent in parents))
        return cls(space.resolve(Replay(decisions)), decisions, origin, numbers)


class Sampler(Protocol):
    """Suggests the next proposal of a search.

    A sampler must depend on its arguments alone, so that a resumed search makes the same proposals. It is called only
    after ten observations, and a random draw replaces a quarter of its suggestions.
    """

    def __call__(self, space: SearchSpace, history: Sequence[Observation], seed: int, /) -> Suggestion:
        """Suggest a proposal from the observations so far, which are in the order of proposal."""
        ...


@dataclass(frozen=True)
class Registered:
    """A sampler, its description for help and docs, and whether it uses observations."""

    sampler: Sampler
    description: str
    learns: bool = True


S = TypeVar("S", bound=Sampler)
SAMPLERS: dict[str, Registered] = {}


def register(name: str, description: str = "", *, learns: bool = True) -> Callable[[S], S]:
    """Register a sampler under a name for settings and search files; ``BUILT_IN_SAMPLERS`` describes built-in ones.

    A sampler with ``learns=False`` makes all proposals of a search; no random draw replaces one.
    """

    def decorate(sampler: S) -> S:
        SAMPLERS[name] = Registered(sampler, description or BUILT_IN_SAMPLERS[name], learns)
        return sampler

    return decorate


def name_of(sampler: str | Sampler) -> str:
    """The name of a registered sampler; another callable is registered first, as ``<module>.<name>``.

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
