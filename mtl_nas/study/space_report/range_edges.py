"""Ranges of a space that may be too narrow, as most of the best designs lie at an end."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Literal

from scipy.special import bdtrc

from mtl_nas.space import Choice, Domain, Float
from mtl_nas.study.space_report.decisions import FilledHoles, by_hole

BEST_SHARE = 0.1  # share of the designs that count as the best
FEWEST_BEST = 5  # designs that count as the best in a short search
END_SHARE = 0.05  # share of a continuous range that counts as its end
SIGNIFICANCE = 0.05  # p-value, under uniform draws, below which an end is reported

End = Literal["low", "high"]
ENDS: tuple[End, End] = ("low", "high")


@dataclass(frozen=True)
class Edge:
    """An end of a range at which most of the best designs lie."""

    path: str
    end: End
    low: float
    high: float
    at_end: int  # best designs at this end
    best: int

    @property
    def sentence(self) -> str:
        """The range and the designs at its end, in words."""
        value = self.high if self.end == "high" else self.low
        return (
            f"{self.path}: {self.at_end} of {self.best} best designs at {value:g}, "
            f"the {self.end} end of {self.low:g}..{self.high:g}"
        )


def edges(ranked: Sequence[FilledHoles]) -> tuple[Edge, ...]:
    """The ends at which more than half of the best tenth of the designs lie, significantly more than of uniform draws.

    ``ranked``: the holes of designs that the sampler drew, the best design first.
    """
    best = ranked[: max(FEWEST_BEST, ceil(BEST_SHARE * len(ranked)))]
    reported: list[Edge] = []
    for path, domain, decisions in by_hole(dict(enumerate(best))):
        if isinstance(domain, Choice) or domain.low == domain.high or len(decisions) < FEWEST_BEST:
            continue
        for end in ENDS:
            at_end = sum(_is_at(domain, end, float(value)) for value in decisions.values())
            p = float(bdtrc(at_end - 1, len(decisions), _uniform_share(domain)))
            if 2 * at_end > len(decisions) and p < SIGNIFICANCE:
                reported.append(Edge(path, end, domain.low, domain.high, at_end, len(decisions)))
    return tuple(reported)


def _is_at(domain: Domain, end: End, value: float) -> bool:
    """Whether a value is the end of a range; in a continuous one, whether it is near it on the hole's scale."""
    assert not isinstance(domain, Choice)
    if not isinstance(domain, Float):
        return value == (domain.low if end == "low" else domain.high)
    scale = log if domain.log else float
    low, high, scaled = scale(domain.low), scale(domain.high), scale(value)
    return abs(scaled - (low if end == "low" else high)) <= END_SHARE * (high - low)


def _uniform_share(domain: Domain) -> float:
    """The share of uniform draws at an end."""
    assert not isinstance(domain, Choice)
    return END_SHARE if isinstance(domain, Float) else 1 / (domain.high - domain.low + 1)
