"""A diagnosis in words: few short lines, each under the task or the matter that it is about."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from mtl_nas.record.diagnosis import Agreement, Diagnosis, Mixture

LISTED = 3  # names or numbers in a line, before it says how many more

Line = tuple[str, str]  # what it is about, what is said


def sentences(diagnosis: Diagnosis) -> list[Line]:
    """What mixes, by the tasks that it serves; what nobody uses; dead units; gradients."""
    return [
        *_mixing(diagnosis.mixtures),
        *([("unused", _listed(diagnosis.unused))] if diagnosis.unused else ()),
        *([("one task only", _narrowed(diagnosis.narrowed))] if diagnosis.narrowed else ()),
        *_units(diagnosis),
        *_gradients(diagnosis.gradients),
    ]


def _mixing(mixtures: Sequence[Mixture]) -> Iterator[Line]:
    """A line a task, or one for each task where the same can be said, and one for what serves several together."""
    every = {task for one in mixtures for task in one.tasks}
    for kind, said in (("gate", _gates), ("stitch", _stitches), ("route", _routes)):
        groups: dict[tuple[str, ...], list[Mixture]] = defaultdict(list)
        for one in mixtures:
            if _kind(one) == kind:
                groups[one.tasks].append(one)
        alone = [found for tasks, found in groups.items() if len(tasks) == 1]
        alike = len({_carried(found) if kind == "gate" else "" for found in alone}) == 1
        if alike and len(alone) == len(every) > 1:
            together = [one for found in alone for one in found]
            text = said(alone[0] if kind == "gate" else together)
            yield "each task", f"{_counted(kind, alone[0])}: {text}{_entropies(together, listed=False)}"
            groups = {tasks: found for tasks, found in groups.items() if len(tasks) > 1}
        for tasks, found in sorted(groups.items(), key=lambda group: len(group[0])):
            label = "all tasks" if len(tasks) > 1 and set(tasks) == every else ", ".join(tasks)
            yield label, f"{_counted(kind, found)}: {said(found)}{_entropies(found, listed=len(found) <= LISTED)}"


def _kind(one: Mixture) -> str:
    """The word for it; a mean has learned nothing and has none."""
    return "" if one.kind == "mean" else one.kind if one.kind in ("stitch", "route") else "gate"


def _gates(found: Sequence[Mixture]) -> str:
    what = "critics" if all(name.startswith("critic/") for one in found for name in one.weights) else "experts"
    whole = " of the weight" if len(found) == 1 and not _by_row(found[0]) else ""  # a line has no room for more
    return f"{_carried(found)} {what} carry 90 %{whole}"


def _carried(found: Sequence[Mixture]) -> str:
    sizes, counts = [len(one.weights) for one in found], [one.carrying for one in found]
    if len(found) <= LISTED:
        return ", ".join(f"{count} of {size}" for count, size in zip(counts, sizes, strict=True))
    if len(set(sizes)) == 1:
        return f"{_range(counts)} of {sizes[0]}"
    return f"on average {fmean(counts):.0f} of {fmean(sizes):.0f}"


def _entropies(found: Sequence[Mixture], *, listed: bool) -> str:
    """Those of gates; of one, that of a row too where it is lower: it weighs by what it reads."""
    known = [one.entropy for one in found if one.entropy is not None and _kind(one) == "gate"]
    if not known:
        return ""
    if len(found) == 1:
        return f" (entropy {_plain(known[0])}{_by_row(found[0])})"
    if listed:
        return f" (entropy {', '.join(map(_plain, known))})"
    low, high = _plain(min(known)), _plain(max(known))
    return f" (entropy {low})" if low == high else f" (entropy {low} to {high})"


def _by_row(one: Mixture) -> str:
    lower = one.entropy is not None and one.row_entropy is not None and one.row_entropy < one.entropy - 0.05
    return f", a row {_plain(one.row_entropy or 0.0)}" if lower else ""


def _stitches(found: Sequence[Mixture]) -> str:
    shares = [abs(one.weights[one.own]) / (sum(map(abs, one.weights.values())) or 1.0) for one in found]
    low, high = _percent(min(shares)), _percent(max(shares))
    return f"{low if low == high else f'{low} to {high}'} on the own state"


def _routes(found: Sequence[Mixture]) -> str:
    opened, every = sum(len(one.used) for one in found), sum(len(one.weights) for one in found)
    mean = sum(sum(one.weights.values()) for one in found) / every
    return f"{opened} of {every} connections open, on average by {_percent(mean)}"


def _narrowed(found: Mapping[str, str]) -> str:
    return _listed([f"{name} ({task})" for name, task in found.items()])


def _units(diagnosis: Diagnosis) -> Iterator[Line]:
    if diagnosis.dead is None or diagnosis.zero is None:
        return
    worst = max(diagnosis.activity, key=lambda part: part.dead)
    where = f" ({worst.node} {_percent(worst.dead)})" if worst.dead >= 0.1 else ""
    yield "units", f"{_percent(diagnosis.dead)} dead{where}, {_percent(diagnosis.zero)} of activations zero"


def _gradients(pairs: Sequence[Agreement]) -> Iterator[Line]:
    known = sorted((pair.cosine, pair) for pair in pairs if pair.cosine is not None)
    if not known:
        if pairs:
            yield "gradients", "tasks share no layer"
        return
    conflicts = [pair for _, pair in known if pair.word == "conflict"]
    for pair in conflicts[:LISTED]:
        yield "conflict", _pair(pair)
    others = [cosine for cosine, pair in known if pair not in conflicts[:LISTED]]
    if len(known) == len(others) == 1:
        yield "gradients", _pair(known[0][1])
    elif others:
        word = "other cosines" if conflicts else "cosines"
        yield "gradients", f"{word} {_signed(others[0])}" + (f" to {_signed(others[-1])}" if others[1:] else "")


def _pair(pair: Agreement) -> str:
    text = f"{pair.tasks[0]} x {pair.tasks[1]} cosine {_signed(pair.cosine or 0.0)}"
    if pair.lowest is None or pair.highest is None:
        return text
    return f"{text} [{_signed(pair.lowest)} {_signed(pair.highest)}]"


def _counted(kind: str, found: Sequence[Mixture]) -> str:
    several = "stitches" if kind == "stitch" else f"{kind}s"
    return kind if len(found) == 1 else f"{len(found)} {several}"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _plain(number: float) -> str:
    return f"{number:.2f}".removeprefix("0")


def _signed(number: float) -> str:
    text = f"{number:+.2f}"
    return ("" if float(text) == 0 else text[0]) + text[1:].removeprefix("0")
