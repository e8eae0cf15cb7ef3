"""The effect of each decision on the score: Welch's test between groups of trials by the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from statistics import fmean, median, variance

from mtl_nas.metrics import holm, welch
from mtl_nas.space import Choice, Decision, Domain
from mtl_nas.study.space_report.decisions import FilledHoles, by_hole

SMALLEST_GROUP = 3  # trials of a group that is compared
SIGNIFICANCE = 0.05  # p-value below which an effect is measurable, corrected for the number of decisions


@dataclass(frozen=True)
class Group:
    """Trials with one decision, or with decisions on one side of the median."""

    label: str
    trials: int
    mean: float


@dataclass(frozen=True)
class Effect:
    """The effect of one decision on the score.

    ``noise`` is the standard error of the difference, ``p`` the p-value after Holm's correction.
    """

    path: str
    groups: tuple[Group, ...]  # the best mean first
    difference: float  # between the means of the best group and the worst
    noise: float
    p: float

    @property
    def measurable(self) -> bool:
        """Whether the difference is significant."""
        return self.p < SIGNIFICANCE


def effects(holes: Mapping[int, FilledHoles], scores: Mapping[int, float]) -> tuple[Effect, ...]:
    """The effects of all holes by which the scored trials can be grouped.

    Measurable effects come first, by size, the largest first; then the others, by an upper bound, the smallest first.
    """
    uncorrected: list[Effect] = []
    for path, domain, decisions in by_hole({number: holes[number] for number in scores}):
        groups: dict[str, list[float]] = {}
        for number, label in _labels(domain, decisions).items():
            groups.setdefault(label, []).append(scores[number])
        groups = {label: values for label, values in groups.items() if len(values) >= SMALLEST_GROUP}
        if len(groups) > 1:
            uncorrected.append(_effect(path, groups))
    p_values = holm([effect.p for effect in uncorrected])
    corrected = [replace(effect, p=p) for effect, p in zip(uncorrected, p_values, strict=True)]
    large = sorted((effect for effect in corrected if effect.measurable), key=lambda effect: -effect.difference)
    small = sorted(
        (effect for effect in corrected if not effect.measurable),
        key=lambda effect: effect.difference + 2 * effect.noise,
    )
    return (*large, *small)


def _labels(domain: Domain, decisions: Mapping[int, Decision]) -> dict[int, str]:
    """The option that each trial chose, or the side of the median on which its number lies."""
    if isinstance(domain, Choice):
        return {number: _option_name(domain, int(index)) for number, index in decisions.items()}
    values = sorted(set(decisions.values()))
    middle = median(decisions.values())
    cut = next((below for below, above in pairwise(values) if below <= middle < above), None)
    if cut is None:  # at least half of the values equal the largest
        cut = values[-2] if len(values) > 1 else values[-1]
    return {number: f"{'up to' if value <= cut else 'above'} {cut:.3g}" for number, value in decisions.items()}


def _option_name(choice: Choice, index: int) -> str:
    """The option, or the first of its entries that no other option has."""
    option = choice.options[index]
    if not isinstance(option, Mapping):
        return str(option)
    others = [other for at, other in enumerate(choice.options) if at != index and isinstance(other, Mapping)]
    distinct = (
        f"{key} {value}"
        for key, value in option.items()
        if isinstance(value, str | int | float) and all(other.get(key) != value for other in others)
    )
    return next(distinct, f"option {index}")


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
