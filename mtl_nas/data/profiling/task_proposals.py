"""What the labels of a table suggest to declare of its tasks: after, where, kind, loss."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.declaration import Declaration
from mtl_nas.data.parsing.levels import NUMBER
from mtl_nas.data.profiling.table_profile import Suggestion
from mtl_nas.data.schema import Schema, Task
from mtl_nas.data.storage.rows import Rows
from mtl_nas.data.tasks.funnel import likely_funnel
from mtl_nas.data.tasks.nesting import CHANCE, chance_of_nesting

MOST_RANKS = 10  # classes that are ranks; of more whole numbers the difference counts
FEWEST_COUNTS = 5  # different counts, with fewer of which a task may as well be classes
DENSE = 0.2  # share of the whole numbers of a range that occur among counts
MOST_BELOW = 0.4  # place of the median of counts within their range, at most
LARGEST_COUNT = 1_000  # number that nine of ten counts do not exceed; amounts and durations do
OFTEN_ZERO = 0.1  # share of zeros among amounts, from which loss tweedie pays
ORDERS = (  # words of classes from the lowest
    ("never", "rarely", "sometimes", "often", "always"),
    ("none", "low", "medium", "high", "very high"),
    ("very low", "low", "moderate", "high"),
    ("very bad", "bad", "poor", "fair", "average", "good", "very good", "excellent"),
    ("small", "medium", "large", "extra large"),
    ("xs", "s", "m", "l", "xl", "xxl"),
    ("no", "maybe", "yes"),
    ("first", "second", "third", "fourth", "fifth"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
)


def task_suggestions(rows: Rows, schema: Schema, declaration: Declaration) -> list[Suggestion]:
    """Suggestions for the tasks whose dependence, kind or loss is inferred, from their train labels."""
    tasks = {} if declaration.data.group is not None else {task.name: task for task in schema.tasks}
    labels = {name: rows.labels[:, index].astype(np.float64) for index, name in enumerate(tasks)}
    changes: dict[str, dict[str, Any]] = {}
    reasons: dict[str, list[str]] = {}
    free = [name for name in tasks if declaration.tasks[name].after is None and declaration.tasks[name].where is None]
    for source in (_where(tasks, labels), _after(tasks, rows.labels), _kinds(tasks, labels, declaration)):
        for name, change, reason in source:
            depends = bool({"after", "where"} & set(change))
            if depends and (name not in free or changes.get(name)):
                continue
            changes[name] = {**changes.get(name, {}), **change}
            reasons.setdefault(name, []).append(reason)
    return [
        Suggestion(
            path=("tasks", name), value={**_plain(declaration, name, change), **change}, reason="; ".join(reasons[name])
        )
        for name, change in changes.items()
    ]


def _plain(declaration: Declaration, name: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """What the declaration says of a task; a change of its kind leaves options of the old kind out."""
    tree: dict[str, Any] = declaration.tasks[name].model_dump(mode="json", exclude_defaults=True)
    return {
        key: value
        for key, value in tree.items()
        if "kind" not in change or key in ("column", "after", "where", "family")
    }


Proposal = tuple[str, dict[str, Any], str]  # a task, what to declare, and why


def _where(tasks: Mapping[str, Task], labels: Mapping[str, NDArray[np.float64]]) -> Iterator[Proposal]:
    """Tasks whose labels exist only where an earlier event is 1; the rarest event is the nearest."""
    events = {name: labels[name] for name, task in tasks.items() if task.rules.is_event}
    order = list(tasks)
    for name in tasks:
        labelled = ~np.isnan(labels[name])
        spaces = [
            earlier
            for earlier in events
            if order.index(earlier) < order.index(name)
            and not (labelled & (events[earlier] != 1)).any()
            and labelled[events[earlier] == 1].mean() > 0.5
            and chance_of_nesting(labelled, events[earlier] == 1) < CHANCE
        ]
        if spaces:
            nearest = min(spaces, key=lambda earlier: float(np.nanmean(events[earlier])))
            yield name, {"where": nearest}, f"it has labels only where {nearest} is 1"


def _after(tasks: Mapping[str, Task], labels: NDArray[np.floating[Any]]) -> Iterator[Proposal]:
    for later, earlier in likely_funnel(labels[:, : len(tasks)], list(tasks.values())).items():
        yield later, {"after": earlier}, f"it is 1 only where {earlier} is 1"


def _kinds(
    tasks: Mapping[str, Task], labels: Mapping[str, NDArray[np.float64]], declaration: Declaration
) -> Iterator[Proposal]:
    for name, task in tasks.items():
        if declaration.tasks[name].loss is not None or task.kind not in ("multiclass", "regression"):
            continue
        present = labels[name][~np.isnan(labels[name])]
        if task.kind == "multiclass" and not all(map(NUMBER.fullmatch, task.classes)):
            proposal = _ordered_words(task)
        else:
            values = (
                np.array([float(text) for text in task.classes])[present.astype(int)]
                if task.classes
                else present + task.origin
            )
            proposal = _of_numbers(values, task)
        if proposal is not None:
            yield name, *proposal


def _ordered_words(task: Task) -> tuple[dict[str, Any], str] | None:
    words = {text.lower().strip(): text for text in task.classes}
    for order in ORDERS:
        if len(words) >= 3 and set(words) <= set(order):
            return {
                "kind": "ordinal",
                "order": [words[word] for word in order if word in words],
            }, "its words have an order"
    return None


def _of_numbers(values: NDArray[np.float64], task: Task) -> tuple[dict[str, Any], str] | None:
    distinct = np.unique(values)
    if len(distinct) < 3 or distinct[0] < 0:
        return None
    whole, low, high = bool((distinct % 1 == 0).all()), distinct[0], distinct[-1]
    falling = float(np.median(values)) <= low + MOST_BELOW * (high - low)  # small numbers are the most frequent ones
    if whole and low in (0, 1) and falling and len(distinct) > FEWEST_COUNTS and _dense(values, distinct):
        return {"kind": "count"}, "whole numbers from 0, small ones most often: how often something happens"
    zeros = float((values == 0).mean())
    if OFTEN_ZERO <= zeros < 1 and len(distinct) > MOST_RANKS and task.kind == "regression":
        return {"kind": "regression", "loss": "tweedie"}, f"amounts, {100 * zeros:.2g} % of them 0"
    if task.kind == "multiclass" and whole and high - low + 1 <= len(distinct) + 2:
        if len(distinct) <= MOST_RANKS:
            return {"kind": "ordinal"}, "neighbouring whole numbers, which may be ranks"
        return {"kind": "regression"}, "whole numbers, of which the difference may count"
    return None


def _dense(values: NDArray[np.float64], distinct: NDArray[np.float64]) -> bool:
    """Whether most whole numbers of the lower half of the labels occur."""
    middle = float(np.quantile(values, 0.9))
    if middle > LARGEST_COUNT:
        return False
    below = distinct[distinct <= middle]
    return bool(len(below) >= DENSE * (middle - distinct[0] + 1))
