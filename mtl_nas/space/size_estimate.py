"""The number of different architectures in a space on a schema, and the share of its draws that give none."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from scipy.special import chdtri

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.errors import DesignError, SpaceError
from mtl_nas.space.deciders import Decider, Enumerate, Random
from mtl_nas.space.domains import Choice, Decision, Domain, Float, Tree
from mtl_nas.space.holes import Maybe, Repeat
from mtl_nas.space.space import SearchSpace
from mtl_nas.space.traversal import branches_below, count_combinations

DRAWS = 400  # random proposals, unless the caller says otherwise
MOST_ENUMERATED = 1000  # combinations of a design that are all composed; of larger spaces some are drawn
FEWEST_REPEATS = 10  # repeated draws of architectures; with fewer, the number is bounded and not estimated
CONFIDENCE = 0.95  # confidence of the lower bound

Certainty = Literal["exactly", "about", "more than"]


@dataclass(frozen=True)
class SizeEstimate:
    """How large a space is on a schema.

    ``combinations`` counts decisions about design and training, ``architectures`` the different graphs of the designs.
    A Float counts once in both; for the graphs it stands at its default.
    """

    combinations: int
    architectures: int
    certainty: Certainty  # of the number of architectures
    reasons: Mapping[str, int]  # why random proposals gave no graph, the most frequent reason first
    draws: int

    @property
    def exact(self) -> bool:
        return self.certainty == "exactly"

    @property
    def invalid(self) -> float:
        """The share of random proposals that give no graph on the schema."""
        return sum(self.reasons.values()) / self.draws


def estimate_size(space: SearchSpace, schema: Schema, *, draws: int = DRAWS, seed: int = 0) -> SizeEstimate:
    """Count the architectures of a small space; estimate or bound their number in a large one, from seeded draws.

    Designs of a large space are drawn so that all combinations are equally probable. Where enough draws repeat a graph,
    the number is estimated from the repetitions (Chao, 1984). Otherwise it is bounded from below: n draws from S graphs
    agree in n (n - 1) / 2S pairs on average if all graphs are equally probable, and in more if they are not, so that
    few equal pairs require a large S.
    """
    if draws < 1:
        raise SpaceError(f"an estimate needs draws >= 1, got {draws}")
    space = space.for_schema(schema)
    reasons: Counter[str] = Counter()
    list(_composed(space, schema, (Random(f"{seed} {number}") for number in range(draws)), reasons))
    designs = _without_losses_and_training(space)
    certainty: Certainty
    if designs.size() <= MOST_ENUMERATED:
        architectures, certainty = len(_frequencies(_composed(designs, schema, Enumerate.all()))), "exactly"
    else:
        frequencies = _frequencies(_composed(designs, schema, [_UniformOverCombinations(designs, seed)] * draws))
        certainty = "about" if sum(frequencies) - len(frequencies) >= FEWEST_REPEATS else "more than"
        estimate = _estimate(frequencies) if certainty == "about" else _lower_bound(frequencies)
        architectures = min(estimate, designs.size())
    return SizeEstimate(space.size(), architectures, certainty, dict(reasons.most_common()), draws)


class _UniformOverCombinations:
    """Draws all combinations with equal probability, and every Float at its default."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._random, self._tasks = random.Random(seed), space.tasks
        self._combinations = dict(_combinations_by_value(space.pruned_tree, "", space.tasks))

    def choose(self, path: str, domain: Domain) -> Decision:
        """Each value with a probability proportional to the number of combinations behind it."""
        if isinstance(domain, Float):
            return domain.start
        weights = [1] * (domain.high - domain.low + 1)
        if isinstance(domain, Choice):
            weights = [count_combinations(option, self._tasks) for option in domain.options]
        of_path = self._combinations.get(path, weights)
        *_, total = sums = list(accumulate(of_path if len(of_path) == len(weights) else weights))
        drawn = self._random.randrange(total)
        return domain.low + next(index for index, bound in enumerate(sums) if drawn < bound)


def _combinations_by_value(tree: Tree, path: str, tasks: tuple[str, ...]) -> Iterator[tuple[str, list[int]]]:
    """The number of combinations behind each length of a Repeat and each side of a Maybe, by path."""
    match tree:
        case Repeat():
            each = count_combinations(tree.of, tasks)
            yield path, [each**length for length in range(tree.low, tree.high + 1)]
        case Maybe():
            yield f"{path}?", [1, count_combinations(tree.of, tasks)]
    for branch, below in branches_below(tree, path, tasks):
        yield from _combinations_by_value(branch, below, tasks)


def _composed(
    space: SearchSpace, schema: Schema, deciders: Iterable[Decider], reasons: Counter[str] | None = None
) -> Iterator[Architecture]:
    """The graphs of the proposals that give one; reasons why the others give none are counted."""
    for decider in deciders:
        try:
            yield compose(space.resolve(decider).design, schema)
        except (DesignError, SpaceError) as reason:
            if reasons is not None:
                reasons[str(reason)] += 1


def _without_losses_and_training(space: SearchSpace) -> SearchSpace:
    """The holes that shape a graph; of the losses these are ``negatives``, for which the graph corrects predictions."""
    design = space.pruned_tree.get("design", {})
    if isinstance(design, Mapping) and isinstance(losses := design.get("losses", {}), Mapping):
        design = {**design, "losses": {key: hole for key, hole in losses.items() if key == "negatives"}}
    return replace(space, tree={"design": design})


def _frequencies(graphs: Iterable[Architecture]) -> list[int]:
    """How often each different graph occurs. Graphs that differ in a count need no key, which takes long to compute."""
    similar: dict[tuple[int, int, int], list[Architecture]] = {}
    for graph in graphs:
        similar.setdefault((len(graph.nodes), graph.parameters, graph.macs), []).append(graph)
    frequencies: list[int] = []
    for group in similar.values():
        frequencies += [1] if len(group) == 1 else Counter(graph.key for graph in group).values()
    return frequencies


def _estimate(frequencies: list[int]) -> int:
    """Graphs seen, and unseen ones estimated from those seen once and twice (Chao, 1984, bias-corrected)."""
    graphs = Counter(frequencies)
    return round(len(frequencies) + graphs[1] * (graphs[1] - 1) / (2 * (graphs[2] + 1)))


def _lower_bound(frequencies: list[int]) -> int:
    """A lower confidence bound from the number of equal pairs (Poisson); at least the number of graphs drawn."""
    drawn, pairs = sum(frequencies), sum(times * (times - 1) // 2 for times in frequencies)
    most_pairs = float(chdtri(2 * (pairs + 1), 1 - CONFIDENCE)) / 2  # the largest mean that is not rejected
    return max(len(frequencies), int(drawn * (drawn - 1) / 2 / most_pairs))
