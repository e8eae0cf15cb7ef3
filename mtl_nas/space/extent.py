"""How large a space really is: the graphs it can spell on a schema, and the share of its draws that spell none."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from scipy.stats import chi2

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data.schema import Schema
from mtl_nas.errors import DesignError, SpaceError
from mtl_nas.space.deciders import Decider, Defaults, Enumerate, Random, Replay
from mtl_nas.space.space import SearchSpace

DRAWS = 400
COUNTABLE = 1000  # designs that are all composed; more are drawn from
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

    Otherwise it is estimated from the draws that repeat a graph (Chao, 1984). Where few do, it is the least size that
    is probable: n draws from S graphs agree in n (n - 1) / 2S pairs if all are equally probable, in more if they are
    not, so that few pairs need a large S.
    """
    if draws < 1:
        raise SpaceError(f"an extent needs draws >= 1, got {draws}")
    space = space.for_schema(schema)
    graphs: list[Architecture] = []
    refused: Counter[str] = Counter()
    for number in range(draws):
        try:
            graphs.append(_drawn(space, schema, Random(f"{seed} {number}")))
        except (DesignError, SpaceError) as reason:
            refused[str(reason)] += 1
    structure = _structure(space)
    known: Literal["exactly", "about", "more than"]
    if structure.size() <= COUNTABLE:
        canonical, known = len(_occurrences(_all(structure, schema))), "exactly"
    else:
        found = _occurrences(graphs)
        known = "about" if len(graphs) - len(found) >= REPEATS else "more than"
        canonical = _estimate(found) if known == "about" else _least(found)
    return Extent(space.size(), canonical, known, dict(refused.most_common()), draws)


def _drawn(space: SearchSpace, schema: Schema, decider: Decider) -> Architecture:
    """The graph of a draw, after the draw itself was composed; numbers that are not whole at their defaults."""
    proposal, decisions = space.draw(decider)
    graph = compose(proposal.design, schema)
    whole = {path: decision for path, decision in decisions.items() if not isinstance(decision, float)}
    if all(path in whole for path in decisions if not path.startswith("training.")):
        return graph
    return compose(space.resolve(Replay(whole, Defaults())).design, schema)


def _structure(space: SearchSpace) -> SearchSpace:
    """The design's part of a space, but for the losses; of these, negatives are corrected for in the graph."""
    design = space.sentence.get("design", {})
    if isinstance(design, Mapping) and isinstance(losses := design.get("losses", {}), Mapping):
        kept = {"negatives": losses["negatives"]} if "negatives" in losses else {}
        design = {**design, "losses": kept}
    return replace(space, tree={"design": design})


def _all(space: SearchSpace, schema: Schema) -> Iterator[Architecture]:
    for decider in Enumerate.all():
        with suppress(DesignError, SpaceError):
            yield compose(space.resolve(decider).design, schema)


def _occurrences(graphs: Iterable[Architecture]) -> list[int]:
    """How often each different graph occurs. Keys are long to find: graphs that differ in a count need none."""
    alike: dict[tuple[int, int, int], list[Architecture]] = {}
    for graph in graphs:
        alike.setdefault((len(graph.nodes), graph.parameters, graph.operations), []).append(graph)
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
    most = float(chi2.ppf(SURE, 2 * (pairs + 1))) / 2  # pairs that would still be probable
    return max(len(found), int(drawn * (drawn - 1) / 2 / most))
