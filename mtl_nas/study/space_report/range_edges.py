"""Ranges of a space that end too early: most of the best designs sit at an end."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Literal

from scipy.special import bdtrc

from mtl_nas.space import Choice, Domain, Float
from mtl_nas.study.space_report.decisions import Asked, by_hole

BEST_SHARE, BEST_LEAST = 0.1, 5
NEAR = 0.05  # of a range of numbers that are not whole is its end
SURE = 0.05  # chance that even draws sit at an end as often

End = Literal["low", "high"]
ENDS: tuple[End, End] = ("low", "high")


@dataclass(frozen=True)
class Edge:
    """An end of a range at which most of the best designs sit, and beyond which the grammar goes on."""

    path: str
    end: End
    low: float
    high: float
    there: int
    best: int  # designs in all

    @property
    def sentence(self) -> str:
        """What to widen, and why."""
        value = self.high if self.end == "high" else self.low
        return (
            f"{self.path}: {self.there} of {self.best} best designs at {value:g}, "
            f"the {self.end} end of {self.low:g}..{self.high:g}"
        )


def edges(ranked: Sequence[Asked]) -> tuple[Edge, ...]:
    """Of drawn designs, the best first: ends at which more than half of the best tenth sit, as even draws would not."""
    best = ranked[: max(BEST_LEAST, ceil(BEST_SHARE * len(ranked)))]
    found: list[Edge] = []
    for path, domain, decisions in by_hole(dict(enumerate(best))):
        if isinstance(domain, Choice) or domain.low == domain.high or len(decisions) < BEST_LEAST:
            continue
        for end in ENDS:
            there = sum(_is_at(domain, end, float(value)) for value in decisions.values())
            chance = float(bdtrc(there - 1, len(decisions), _evenly(domain)))
            if 2 * there > len(decisions) and chance < SURE:
                found.append(Edge(path, end, domain.low, domain.high, there, len(decisions)))
    return tuple(found)


def _is_at(domain: Domain, end: End, value: float) -> bool:
    """At the end; of numbers that are not whole, within a twentieth of the range, logarithms where it is drawn so."""
    assert not isinstance(domain, Choice)
    if not isinstance(domain, Float):
        return value == (domain.low if end == "low" else domain.high)
    scale = log if domain.log else float
    low, high, here = scale(domain.low), scale(domain.high), scale(value)
    return abs(here - (low if end == "low" else high)) <= NEAR * (high - low)


def _evenly(domain: Domain) -> float:
    """The share of even draws at an end."""
    assert not isinstance(domain, Choice)
    return NEAR if isinstance(domain, Float) else 1 / (domain.high - domain.low + 1)
