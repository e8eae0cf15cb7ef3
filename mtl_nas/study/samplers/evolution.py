"""Regularised evolution (Real et al., 2019), local search (White et al., 2021) and NSGA-II (Deb et al., 2002).

All of them step from decisions to decisions, so that holes which a branch of the space lacks are never in the way.
Optuna's NSGA-II is not used, because it draws at random where trials were added to its study instead of asked of it.
"""

import random
from collections.abc import Sequence

from mtl_nas.space import SearchSpace, crossover, mutate
from mtl_nas.study.samplers.observations import Observation, best_first
from mtl_nas.study.samplers.registry import Suggestion, register

POPULATION = 50  # latest observations that may be parents: age removes them, not quality
TOURNAMENT = 10  # observations of which the best is a parent
MIXED = 0.2  # share of children with two parents
RETRAINED = 0.5  # share of the others that keep the parent's design and change its training, if the space allows it
TRAINING = "training."  # the paths of training holes begin with it
CROSSED = 0.9  # share of NSGA-II's children with two parents
BEST = 5  # designs whose neighbours local search suggests


@register("evolution", "regularised evolution (Real et al., 2019)")
def evolution(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """A child of a tournament's winner: another training, a decision redrawn, or sub-trees of two winners.

    A design has some twenty decisions and a training four, which affect scores as much: so they get steps of their own.
    """
    dice = random.Random(seed)
    population = list(history[-POPULATION:])
    parent, other = (_winner(population, dice) for _ in range(2))
    if dice.random() < MIXED and parent.key != other.key:
        return Suggestion.of(space, crossover(space, parent.decisions, other.decisions, dice), "mix", parent, other)
    training_holes = sum(path.startswith(TRAINING) for path in parent.decisions)
    if training_holes and dice.random() < RETRAINED:
        changes = dice.randint(1, training_holes)
        child = mutate(space, parent.decisions, dice, changes=changes, within=TRAINING)
        return Suggestion.of(space, child, "mutation", parent)
    return Suggestion.of(space, mutate(space, parent.decisions, dice, changes=_changes(dice)), "mutation", parent)


@register("local", "neighbours of the five best (White et al., 2021)")
def local(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """A neighbour of one of the best: one decision redrawn."""
    dice = random.Random(seed)
    best = best_first(history)[:BEST]
    parent = best[min(int(dice.expovariate(1.0)), len(best) - 1)]
    return Suggestion.of(space, mutate(space, parent.decisions, dice, changes=_changes(dice)), "mutation", parent)


@register("nsga2", "NSGA-II over decisions (Deb et al., 2002)")
def nsga2(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """A child, mixed and mutated, of winners of binary tournaments by front, then by crowding.

    The better half of all observations survives, as of parents and children together.
    """
    dice, ranked = random.Random(seed), best_first(history)
    population = ranked[: min((len(ranked) + 1) // 2, POPULATION)]
    parent, other = (population[min(dice.randrange(len(population)) for _ in range(2))] for _ in range(2))
    if dice.random() < CROSSED and parent.key != other.key:
        child = crossover(space, parent.decisions, other.decisions, dice)
        return Suggestion.of(space, mutate(space, child, dice), "nsga2", parent, other)
    return Suggestion.of(space, mutate(space, parent.decisions, dice), "nsga2", parent)


def _winner(population: Sequence[Observation], dice: random.Random) -> Observation:
    return best_first(dice.sample(population, min(TOURNAMENT, len(population))))[0]


def _changes(dice: random.Random) -> int:
    """The number of changes: mostly one, now and then more, as single steps cannot leave every local optimum."""
    return 1 + int(dice.expovariate(1.5))
