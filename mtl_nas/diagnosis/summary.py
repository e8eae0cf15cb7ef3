"""A diagnosis as a few short lines, each labelled with its tasks or its topic."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from mtl_nas.record import Agreement, Diagnosis, Mixture

MOST_LISTED = 3  # names or numbers in a line; of more, it gives the number or the range
NOTABLE_DEAD = 0.1  # fraction of dead units from which the worst node is named
NOTABLE_ENTROPY = 0.05  # difference from which a row's entropy is given beside that of the mean weights

Line = tuple[str, str]  # label, text
Mixtures = Sequence[Mixture]


class _Family(NamedTuple):
    """How the mixtures of one kind are summarised."""

    singular: str
    plural: str
    text: Callable[[Mixtures], str]
    alike: Callable[[Mixtures], str]  # tasks with equal results of this function share a line


def summary_lines(diagnosis: Diagnosis) -> list[Line]:
    """Summarise a diagnosis: mixtures by task, unused nodes, dead units, gradients.

    Returns:
        Pairs of a label (a task, or a topic such as ``"unused"``) and a text.

    Example:
        >>> summary_lines(Diagnosis(rows=9, unused=("level0/expert/3",), narrowed={"level0/expert/1": "click"}))
        [('unused', 'level0/expert/3'), ('one task only', 'level0/expert/1 (click)')]
    """
    used_once = [f"{name} ({task})" for name, task in diagnosis.narrowed.items()]
    return [
        *_mixtures(diagnosis.mixtures),
        *([("unused", _listed(diagnosis.unused))] if diagnosis.unused else ()),
        *([("one task only", _listed(used_once))] if used_once else ()),
        *_units(diagnosis),
        *_gradients(diagnosis.gradients),
    ]


def _mixtures(mixtures: Mixtures) -> Iterator[Line]:
    """One line per task, or one for all tasks if they are alike, and one for mixtures of several tasks."""
    every = {task for mixture in mixtures for task in mixture.tasks}
    for family in (GATES, STITCHES, ROUTES):
        groups: dict[tuple[str, ...], list[Mixture]] = defaultdict(list)
        for mixture in mixtures:
            if _family(mixture) is family:
                groups[mixture.tasks].append(mixture)
        of_one_task = [group for tasks, group in groups.items() if len(tasks) == 1]
        if len(of_one_task) == len(every) > 1 and len(set(map(family.alike, of_one_task))) == 1:
            yield "each task", _mixture_text(family, of_one_task)
            groups = {tasks: group for tasks, group in groups.items() if len(tasks) > 1}
        for tasks, group in sorted(groups.items(), key=lambda item: len(item[0])):
            label = "all tasks" if len(tasks) > 1 and set(tasks) == every else ", ".join(tasks)
            yield label, _mixture_text(family, [group])


def _mixture_text(family: _Family, groups: Sequence[Mixtures]) -> str:
    """The text for groups of mixtures that are alike: their number, weights and entropies."""
    count = len(groups[0])
    number = family.singular if count == 1 else f"{count} {family.plural}"
    together = [mixture for group in groups for mixture in group]
    text = family.text(groups[0] if family is GATES else together)
    return f"{number}: {text}{_entropies(together, listed=len(groups) == 1 and count <= MOST_LISTED)}"


def _carried(mixtures: Mixtures) -> str:
    sizes, counts = [len(mixture.weights) for mixture in mixtures], [mixture.carrying for mixture in mixtures]
    if len(mixtures) <= MOST_LISTED:
        return ", ".join(f"{count} of {size}" for count, size in zip(counts, sizes, strict=True))
    if len(set(sizes)) == 1:
        return f"{_range(list(map(str, sorted(counts))))} of {sizes[0]}"
    return f"on average {fmean(counts):.0f} of {fmean(sizes):.0f}"


def _gates(mixtures: Mixtures) -> str:
    mixed = "critics" if all(mixture.mixed == "critics" for mixture in mixtures) else "experts"
    of_the_weight = " of the weight" if len(mixtures) == 1 and not _row_entropy(mixtures[0]) else ""  # on short lines
    return f"{_carried(mixtures)} {mixed} carry 90 %{of_the_weight}"


def _stitches(mixtures: Mixtures) -> str:
    own = [abs(each.weights[each.own]) / (sum(map(abs, each.weights.values())) or 1.0) for each in mixtures]
    return f"{_range([_percent(share) for share in sorted(own)])} on the own state"


def _routes(mixtures: Mixtures) -> str:
    opened, every = sum(len(each.used) for each in mixtures), sum(len(each.weights) for each in mixtures)
    mean = sum(sum(each.weights.values()) for each in mixtures) / every
    return f"{opened} of {every} connections open, on average by {_percent(mean)}"


GATES = _Family("gate", "gates", _gates, _carried)
STITCHES = _Family("stitch", "stitches", _stitches, lambda mixtures: "")
ROUTES = _Family("route", "routes", _routes, lambda mixtures: "")
MEANS = _Family("mean", "means", lambda mixtures: "", lambda mixtures: "")  # without a line, as nothing is learned


def _family(mixture: Mixture) -> _Family:
    return {"mean": MEANS, "stitch": STITCHES, "route": ROUTES}.get(mixture.kind, GATES)


def _entropies(mixtures: Mixtures, *, listed: bool) -> str:
    """The entropies of gates; for a single gate also that per row, if it is lower, as the gate then depends on rows."""
    entropies = [each.entropy for each in mixtures if each.entropy is not None and _family(each) is GATES]
    if not entropies:
        return ""
    if len(mixtures) == 1:
        return f" (entropy {_plain(entropies[0])}{_row_entropy(mixtures[0])})"
    if listed:
        return f" (entropy {', '.join(map(_plain, entropies))})"
    return f" (entropy {_range([_plain(entropy) for entropy in sorted(entropies)])})"


def _row_entropy(mixture: Mixture) -> str:
    if mixture.entropy is None or mixture.row_entropy is None:
        return ""
    return f", per row {_plain(mixture.row_entropy)}" if mixture.row_entropy < mixture.entropy - NOTABLE_ENTROPY else ""


def _units(diagnosis: Diagnosis) -> Iterator[Line]:
    if diagnosis.dead is None or diagnosis.zero is None:
        return
    worst = max(diagnosis.activity, key=lambda part: part.dead)
    named = f" ({worst.node} {_percent(worst.dead)})" if worst.dead >= NOTABLE_DEAD else ""
    yield "units", f"{_percent(diagnosis.dead)} dead{named}, {_percent(diagnosis.zero)} of activations zero"


def _gradients(pairs: Sequence[Agreement]) -> Iterator[Line]:
    measured = [(pair.cosine, pair) for pair in pairs if pair.cosine is not None]
    measured.sort(key=lambda cosine_and_pair: cosine_and_pair[0])
    if pairs and not measured:
        yield "gradients", "tasks share no layer"
    conflicts = [pair for _, pair in measured if pair.verdict == "conflict"]
    for pair in conflicts[:MOST_LISTED]:
        yield "conflict", _pair(pair)
    others = [cosine for cosine, pair in measured if pair not in conflicts[:MOST_LISTED]]
    if len(measured) == len(others) == 1:
        yield "gradients", _pair(measured[0][1])
    elif others:
        word = "other cosines" if conflicts else "cosines"
        yield "gradients", f"{word} {_signed(others[0])}" + (f" to {_signed(others[-1])}" if others[1:] else "")


def _pair(pair: Agreement) -> str:
    text = f"{pair.tasks[0]} x {pair.tasks[1]} cosine {_signed(pair.cosine or 0.0)}"
    if pair.lowest is None or pair.highest is None:
        return text
    return f"{text} [{_signed(pair.lowest)} {_signed(pair.highest)}]"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _range(ordered: Sequence[str]) -> str:
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} to {ordered[-1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _plain(number: float) -> str:
    return f"{number:.2f}".removeprefix("0")


def _signed(number: float) -> str:
    text = f"{number:+.2f}"
    return ("" if float(text) == 0 else text[0]) + text[1:].removeprefix("0")
