"""How large a space really is: the graphs it can spell on a schema, and the share of its draws that spell none."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from scipy.special import chdtri

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data.schema import Schema
from mtl_nas.errors import DesignError, SpaceError
from mtl_nas.space.deciders import Decider, Enumerate, Random
from mtl_nas.space.holes import Choice, Decision, Domain, EachTask, Float, Maybe, Repeat, Tree
from mtl_nas.space.space import SearchSpace
from mtl_nas.space.traversal import counted

DRAWS = 400
COUNTABLE = 1000  # designs that are all composed; of more, some are drawn
REPEATS = 10  # draws of a graph that was drawn before, from which a size is estimated and not only bounded
SURE = 0.95


@dataclass(frozen=True)
class Extent:
    """``size``: discrete decisions about design and training; ``canonical``: different graphs among their designs.

    Numbers that are not whole count once in both: for the graphs they stand at their defaults.
    """

    size: int
    canonical: int
    known: Literal["exactly", "about", "more than"]  # how canonical is
    reasons: Mapping[str, int]  # why draws were refused, the commonest first
    draws: int

    @property
    def exact(self) -> bool:
        """Every design was composed."""
        return self.known == "exactly"

    @property
    def invalid(self) -> float:
        """The share of draws that spell no graph on the schema."""
        return sum(self.reasons.values()) / self.draws


def extent(space: SearchSpace, schema: Schema, *, draws: int = DRAWS, seed: int = 0) -> Extent:
    """Sizes and refusals on the schema, from that many seeded draws; ``canonical`` is exact for small spaces.

    Otherwise designs are drawn, all of them equally probable, and it is estimated from those that repeat a graph (Chao,
    1984). Where few do, it is the least size that is probable: n draws from S graphs agree in n (n - 1) / 2S pairs if
    all are equally probable, in more if they are not, so that few pairs need a large S.
    """
    if draws < 1:
        raise SpaceError(f"an extent needs draws >= 1, got {draws}")
    space = space.for_schema(schema)
    refused: Counter[str] = Counter()
    list(_composed(space, schema, (Random(f"{seed} {number}") for number in range(draws)), refused))
    structure = _structure(space)
    known: Literal["exactly", "about", "more than"]
    if structure.size() <= COUNTABLE:
        canonical, known = len(_occurrences(_composed(structure, schema, Enumerate.all()))), "exactly"
    else:
        found = _occurrences(_composed(structure, schema, [_Even(structure, seed)] * draws))
        known = "about" if sum(found) - len(found) >= REPEATS else "more than"
        canonical = min(_estimate(found) if known == "about" else _least(found), structure.size())
    return Extent(space.size(), canonical, known, dict(refused.most_common()), draws)


class _Even:
    """Draws by which all combinations are equally probable, numbers that are not whole at their default."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._random, self._tasks = random.Random(seed), space.tasks
        self._weights = dict(_weights(space.sentence, "", space.tasks))

    def choose(self, path: str, domain: Domain) -> Decision:
        """An option by the combinations behind it."""
        if isinstance(domain, Float):
            return domain.start
        if isinstance(domain, Choice):
            first, count, weights = 0, len(domain.options), [counted(option, self._tasks) for option in domain.options]
        else:
            first, count, weights = domain.low, domain.high - domain.low + 1, [1] * (domain.high - domain.low + 1)
        known = self._weights.get(path, weights)
        *_, total = sums = list(accumulate(known if len(known) == count else weights))
        drawn = self._random.randrange(total)
        return first + next(place for place, sum_ in enumerate(sums) if drawn < sum_)


def _weights(tree: Tree, path: str, tasks: tuple[str, ...]) -> Iterator[tuple[str, list[int]]]:
    """The combinations behind each length of a repeat and each side of a maybe, which their holes do not tell."""
    branches: list[tuple[Tree, str]] = []
    match tree:
        case Repeat():
            one = counted(tree.of, tasks)
            yield path, [one**count for count in range(tree.low, tree.high + 1)]
            branches = [(tree.of, f"{path}.{index}") for index in range(tree.high)]
        case Maybe():
            yield f"{path}?", [1, counted(tree.of, tasks)]
            branches = [(tree.of, path)]
        case Choice():
            places = [path if isinstance(option, Mapping) else f"{path}.{at}" for at, option in enumerate(tree.options)]
            branches = list(zip(tree.options, places, strict=True))
        case EachTask():
            branches = [(tree.of, f"{path}.{task}") for task in tasks]
        case Mapping():
            branches = [(branch, f"{path}.{key}" if path else key) for key, branch in tree.items()]
        case list() | tuple():
            branches = [(branch, f"{path}.{index}") for index, branch in enumerate(tree)]
    for branch, place in branches:
        yield from _weights(branch, place, tasks)


def _composed(
    space: SearchSpace, schema: Schema, deciders: Iterable[Decider], refused: Counter[str] | None = None
) -> Iterator[Architecture]:
    """The graphs that there are; reasons why there is none are counted."""
    for decider in deciders:
        try:
            yield compose(space.resolve(decider).design, schema)
        except (DesignError, SpaceError) as reason:
            if refused is not None:
                refused[str(reason)] += 1


def _structure(space: SearchSpace) -> SearchSpace:
    """The design's part of a space, but for the losses; of these, negatives are corrected for in the graph."""
    design = space.sentence.get("design", {})
    if isinstance(design, Mapping) and isinstance(losses := design.get("losses", {}), Mapping):
        kept = {"negatives": losses["negatives"]} if "negatives" in losses else {}
        design = {**design, "losses": kept}
    return replace(space, tree={"design": design})


def _occurrences(graphs: Iterable[Architecture]) -> list[int]:
    """How often each different graph occurs. Keys are long to find: graphs that differ in a count need none."""
    alike: dict[tuple[int, int, int], list[Architecture]] = {}
    for graph in graphs:
        alike.setdefault((len(graph.nodes), graph.parameters, graph.macs), []).append(graph)
    found: list[int] = []
    for same in alike.values():
        found += [1] if len(same) == 1 else Counter(graph.key for graph in same).values()
    return found


def _estimate(found: list[int]) -> int:
    """Seen, and the unseen by those seen once and twice (Chao, 1984, without bias)."""
    times = Counter(found)
    return round(len(found) + times[1] * (times[1] - 1) / (2 * (times[2] + 1)))


def _least(found: list[int]) -> int:
    """The size below which so few pairs of equal draws have a chance under 5 % (Poisson), and at least those seen."""
    drawn, pairs = sum(found), sum(times * (times - 1) // 2 for times in found)
    most = float(chdtri(2 * (pairs + 1), 1 - SURE)) / 2  # pairs that would still be probable
    return max(len(found), int(drawn * (drawn - 1) / 2 / most))
