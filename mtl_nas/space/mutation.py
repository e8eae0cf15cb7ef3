"""New decisions from earlier ones: change some, or combine those of two parents."""

import math
import random

from mtl_nas.space.deciders import Decider, Decisions, Random, Replay
from mtl_nas.space.domains import Choice, Decision, Domain, Int
from mtl_nas.space.space import SearchSpace

LOCAL_PROBABILITY = 0.5  # probability that a number moves to a neighbouring value, not anywhere in its range
LOCAL_STEP = 0.15  # standard deviation of a local step, as a fraction of the range
MOST_ATTEMPTS = 20  # attempts of a mutation to change anything


class _Changed:
    """Earlier decisions, perturbed at some paths; holes that a change adds are drawn at random."""

    def __init__(self, decisions: Decisions, paths: set[str], rng: random.Random) -> None:
        self._unchanged = Replay(decisions, otherwise=Random(rng))
        self._decisions, self._paths, self._rng = decisions, paths, rng

    def choose(self, path: str, domain: Domain) -> Decision:
        if path in self._paths and domain.allows(self._decisions[path]):
            return perturb(domain, self._decisions[path], self._rng)
        return self._unchanged.choose(path, domain)


def perturb(domain: Domain, value: Decision, rng: random.Random) -> Decision:
    """Another value of the domain; for numbers half of the time a neighbouring one."""
    if isinstance(domain, Choice):
        others = [index for index in range(len(domain.options)) if index != value]
        return rng.choice(others) if others else value
    if isinstance(domain, Int):
        neighbours = [near for near in (int(value) - 1, int(value) + 1) if domain.allows(near)]
        others = [other for other in range(domain.low, domain.high + 1) if other != value]
        return (
            rng.choice(neighbours if neighbours and rng.random() < LOCAL_PROBABILITY else others) if others else value
        )
    if rng.random() >= LOCAL_PROBABILITY:
        return Random(rng).choose("", domain)
    low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    moved = (math.log(value) if domain.log else value) + rng.gauss(0.0, LOCAL_STEP * (high - low))
    return min(max(math.exp(moved) if domain.log else moved, domain.low), domain.high)


def mutate(
    space: SearchSpace, decisions: Decisions, rng: random.Random, *, changes: int = 1, within: str = ""
) -> Decisions:
    """Decisions with ``changes`` of them perturbed, at paths that begin with ``within``."""
    child, candidates = dict(decisions), sorted(path for path in decisions if path.startswith(within))
    for _ in range(MOST_ATTEMPTS):
        paths = set(rng.sample(candidates, min(changes, len(candidates))))
        child = space.decide(_Changed(decisions, paths, rng))
        if child != decisions:
            return child
    return child


def crossover(space: SearchSpace, first: Decisions, second: Decisions, rng: random.Random) -> Decisions:
    """Decisions that take each part of a proposal (a level, the transfers, the training, ...) whole from one parent."""
    parents: dict[str, Decisions] = {}

    class Mix:
        def choose(self, path: str, domain: Domain) -> Decision:
            parent = parents.setdefault(_part(path), first if rng.random() < 0.5 else second)
            other: Decider = Replay(second if parent is first else first, otherwise=Random(rng))
            return Replay(parent, otherwise=other).choose(path, domain)

    return space.decide(Mix())


def _part(path: str) -> str:
    """The part of a proposal that a decision belongs to: ``design.levels.0``, ``design.transfers``, ``training``."""
    parts = path.removesuffix("?").split(".")
    return ".".join(parts[: 3 if parts[:2] == ["design", "levels"] else 1 if parts[0] == "training" else 2])
