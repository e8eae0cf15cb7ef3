"""Regularised evolution (Real et al., 2019), local search (White et al., 2021) and NSGA-II (Deb et al., 2002).

All of them change or combine earlier decisions, which works although branches of a space have different holes. Optuna's
NSGA-II is not used, because it draws at random if the trials of its study were added and not suggested by it.
"""

import random
from collections.abc import Sequence

from mtl_nas.space import SearchSpace, crossover, mutate
from mtl_nas.study.samplers.observations import Observation, best_first
from mtl_nas.study.samplers.registry import Suggestion, register

POPULATION = 50  # number of latest observations that may be parents; age and not quality removes them
TOURNAMENT = 10  # observations per tournament, of which the best is a parent
MIXED = 0.2  # share of children with two parents
RETRAINED = 0.5  # share of the other children that change only the parent's training, if it has holes
TRAINING = "training."  # beginning of the paths of training holes
REREAD = 0.5  # share of the mutations of a design that change only how columns are read, if encodings are open
INPUTS, NUMBERS = "design.inputs.", "design.inputs.numbers"  # beginnings of the paths of those holes
CROSSED = 0.9  # share of NSGA-II's children with two parents
BEST = 5  # designs whose neighbours local search suggests


@register("evolution")
def evolution(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """A child of a tournament's winner: with another training, other decisions, or parts of two winners.

    A training has about four decisions and a design twenty, but they affect scores as much, so half of the mutations
    change the training only. Of the others half change only how columns are read, which on tables of numbers moves
    scores more than all that stands above.
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
    if leaves_encodings_open(parent) and dice.random() < REREAD:
        return _reread(space, parent, dice)
    return Suggestion.of(space, mutate(space, parent.decisions, dice, changes=_changes(dice)), "mutation", parent)


def leaves_encodings_open(observation: Observation) -> bool:
    """Whether the space has a hole for the encoding of numbers where it drew the proposal."""
    return any(path.startswith(NUMBERS) for path in observation.decisions)


def reread(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """One of the best observations that leave the encoding of numbers open, with columns read otherwise."""
    dice = random.Random(seed)
    parents = [each for each in best_first(history) if leaves_encodings_open(each)][:BEST]
    return _reread(space, parents[min(int(dice.expovariate(1.0)), len(parents) - 1)], dice)


def _reread(space: SearchSpace, parent: Observation, dice: random.Random) -> Suggestion:
    """A child that reads columns otherwise, half of the time numbers alone."""
    within = NUMBERS if dice.random() < 1 / 2 else INPUTS
    child = mutate(space, parent.decisions, dice, changes=_changes(dice), within=within)
    return Suggestion.of(space, child, "mutation", parent)


@register("local")
def local(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """A neighbour of one of the best observations: mostly one decision is redrawn."""
    dice = random.Random(seed)
    best = best_first(history)[:BEST]
    parent = best[min(int(dice.expovariate(1.0)), len(best) - 1)]
    return Suggestion.of(space, mutate(space, parent.decisions, dice, changes=_changes(dice)), "mutation", parent)


@register("nsga2")
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
    """The number of changed decisions: mostly one, sometimes more, in order to leave local optima."""
    return 1 + int(dice.expovariate(1.5))
