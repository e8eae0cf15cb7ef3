"""What each decision of a space does to the score: groups of trials that decided alike, compared by Welch's test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean, median, variance

from mtl_nas.metrics import holm, welch
from mtl_nas.space import Choice, Decision, Domain
from mtl_nas.study.space_report.decisions import Asked, by_hole

FEW = 3  # trials of a group that is compared
SURE = 0.05  # chance to take noise for an effect, over all decisions together


@dataclass(frozen=True)
class Group:
    """Trials that decided alike."""

    label: str
    trials: int
    mean: float


@dataclass(frozen=True)
class Effect:
    """What one decision does to the score. ``noise``: the standard error of the difference; ``p`` after Holm."""

    path: str
    groups: tuple[Group, ...]  # the best mean first
    difference: float  # between the means of the best group and the worst
    noise: float
    p: float

    @property
    def measurable(self) -> bool:
        """Chance is no likely reason for it."""
        return self.p < SURE


def effects(asked: Mapping[int, Asked], scores: Mapping[int, float]) -> tuple[Effect, ...]:
    """Of every hole that parts the scored trials; the largest beyond noise first, then those that chance explains."""
    found: list[Effect] = []
    for path, domain, decisions in by_hole({number: asked[number] for number in scores}):
        labels = _labels(domain, decisions)
        groups: dict[str, list[float]] = {}
        for number, label in labels.items():
            groups.setdefault(label, []).append(scores[number])
        groups = {label: values for label, values in groups.items() if len(values) >= FEW}
        if len(groups) > 1:
            found.append(_effect(path, groups))
    corrected = [
        Effect(one.path, one.groups, one.difference, one.noise, p)
        for one, p in zip(found, holm([one.p for one in found]), strict=True)
    ]
    large = sorted((one for one in corrected if one.measurable), key=lambda one: -one.difference)
    small = sorted((one for one in corrected if not one.measurable), key=lambda one: one.difference + 2 * one.noise)
    return (*large, *small)


def _labels(domain: Domain, decisions: Mapping[int, Decision]) -> dict[int, str]:
    """The option of each trial, or the side of the median on which its number is."""
    if isinstance(domain, Choice):
        return {number: _named(domain, int(place)) for number, place in decisions.items()}
    values = sorted(set(decisions.values()))
    middle = median(decisions.values())
    cut = next((below for below, above in pairwise(values) if below <= middle < above), None)
    if cut is None:  # half or more stand at the largest
        cut = values[-2] if len(values) > 1 else values[-1]
    return {number: f"{'up to' if value <= cut else 'above'} {cut:.3g}" for number, value in decisions.items()}


def _named(choice: Choice, place: int) -> str:
    option = choice.options[place]
    if not isinstance(option, Mapping):
        return str(option)
    others = [other for at, other in enumerate(choice.options) if at != place and isinstance(other, Mapping)]
    apart = (
        f"{key} {value}"
        for key, value in option.items()
        if isinstance(value, str | int | float) and all(other.get(key) != value for other in others)
    )
    return next(apart, f"option {place}")


def _effect(path: str, groups: Mapping[str, Sequence[float]]) -> Effect:
    ordered = sorted(groups, key=lambda label: -fmean(groups[label]))
    best, worst = groups[ordered[0]], groups[ordered[-1]]
    return Effect(
        path,
        tuple(Group(label, len(groups[label]), fmean(groups[label])) for label in ordered),
        difference=fmean(best) - fmean(worst),
        noise=sqrt(variance(best) / len(best) + variance(worst) / len(worst)),
        p=welch(list(groups.values())),
    )
