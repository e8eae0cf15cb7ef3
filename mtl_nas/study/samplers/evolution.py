"""Regularised evolution (Real et al., 2019), local search (White et al., 2021) and NSGA-II (Deb et al., 2002).

All of them step from decisions to decisions, so that what a branch of the space does not ask is never in the way.
Optuna's NSGA-II draws at random where trials were told to its study rather than proposed by it.
"""

import random
from collections.abc import Sequence

from mtl_nas.space import Decisions, Replay, SearchSpace, crossover, mutate
from mtl_nas.study.samplers.observations import Drawn, Seen, best_first

POPULATION = 50  # the latest so many may be parents: age, not quality, removes
TOURNAMENT = 10  # drawn from the population, of which the best is a parent
MIXED = 0.2  # share of children of two parents
RETRAINED = 0.5  # share of the others that are the parent's design with another training, where a space has holes there
TRAINING = "training."
CROSSED = 0.9  # share of NSGA-II's children that have two parents
BEST = 5  # designs whose neighbours local search looks at


def evolution(space: SearchSpace, history: Sequence[Seen], seed: int) -> Drawn:
    """A child of the best of some: another training, one decision redrawn, or sub-trees of two.

    A design has some twenty decisions and a training four, which move scores as much: so they get steps of their own.
    """
    dice = random.Random(seed)
    population = list(history[-POPULATION:])
    one, other = (_winner(population, dice) for _ in range(2))
    if dice.random() < MIXED and one.key != other.key:
        return _drawn(space, crossover(space, one.decisions, other.decisions, dice), "mix", one, other)
    holes = sum(path.startswith(TRAINING) for path in one.decisions)
    if holes and dice.random() < RETRAINED:
        child = mutate(space, one.decisions, dice, changes=dice.randint(1, holes), within=TRAINING)
        return _drawn(space, child, "mutation", one)
    return _drawn(space, mutate(space, one.decisions, dice, changes=_changes(dice)), "mutation", one)


def local(space: SearchSpace, history: Sequence[Seen], seed: int) -> Drawn:
    """A neighbour of one of the best: one decision redrawn."""
    dice = random.Random(seed)
    best = best_first(history)[:BEST]
    parent = best[min(int(dice.expovariate(1.0)), len(best) - 1)]
    return _drawn(space, mutate(space, parent.decisions, dice, changes=_changes(dice)), "mutation", parent)


def nsga2(space: SearchSpace, history: Sequence[Seen], seed: int) -> Drawn:
    """A child, mixed and mutated, of winners of binary tournaments by front, then by the room around them.

    The better half of what was seen survives, as of parents and children together.
    """
    dice, ranked = random.Random(seed), best_first(history)
    population = ranked[: min((len(ranked) + 1) // 2, POPULATION)]
    one, other = (population[min(dice.randrange(len(population)) for _ in range(2))] for _ in range(2))
    if dice.random() < CROSSED and one.key != other.key:
        child = crossover(space, one.decisions, other.decisions, dice)
        return _drawn(space, mutate(space, child, dice), "nsga2", one, other)
    return _drawn(space, mutate(space, one.decisions, dice), "nsga2", one)


def _winner(population: Sequence[Seen], dice: random.Random) -> Seen:
    return best_first(dice.sample(population, min(TOURNAMENT, len(population))))[0]


def _changes(dice: random.Random) -> int:
    """One change mostly, now and then more: single steps cannot leave every hill."""
    return 1 + int(dice.expovariate(1.5))


def _drawn(space: SearchSpace, decisions: Decisions, origin: str, *parents: Seen) -> Drawn:
    numbers = tuple(dict.fromkeys(parent.number for parent in parents))
    return Drawn(space.resolve(Replay(decisions)), decisions, origin, numbers)
