"""Decisions that fill a tree so that it equals a value: the search that turns a proposal back into decisions.

Where only one option of a choice can equal its value, the decision is certain. Where several can, because an option
leaves out keys that stand at their default, each is tried at its own place while the others stay as they are: the
places do not depend on one another, so that the number of trials is a sum over the places and not a product.

    matching(tree, value) -> Match(decisions, forks)   what is certain, and places with alternatives
    settled(match, is_equal) -> decisions              the first alternative that is equal, place by place
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mtl_nas.space.deciders import Decisions
from mtl_nas.space.domains import Choice, Float, Int, Tree
from mtl_nas.space.holes import EachTask, Maybe, Repeat, Subset
from mtl_nas.space.traversal import item_path, items_of, key_path, option_path

Location = tuple[str | int, ...]  # keys and indices that lead to a part of the value


@dataclass(frozen=True)
class Match:
    """Decisions that are certain, and forks, at which one of several matches holds."""

    decisions: Decisions
    forks: tuple["Fork", ...] = ()

    @property
    def first(self) -> Decisions:
        """The decisions with the first alternative at every fork."""
        return self.decisions | {
            path: decision for fork in self.forks for path, decision in fork.alternatives[0].first.items()
        }


@dataclass(frozen=True)
class Fork:
    """A place of the value that several options could give."""

    location: Location
    alternatives: tuple[Match, ...]


IsEqual = Callable[[Decisions, Location], bool]  # whether decisions give the value at a location


def settled(match: Match, is_equal: IsEqual, others: Decisions | None = None) -> Decisions | None:
    """The decisions with the first alternative of each fork that gives the value there; None where none does.

    Args:
        match: What ``matching`` returns.
        is_equal: Compares what decisions lead to with the value, at one location.
        others: Decisions at other places.
    """
    decisions = (others or {}) | match.first
    for fork in match.forks:
        candidates = (settled(alternative, is_equal, decisions) for alternative in fork.alternatives)
        chosen = next((each for each in candidates if each is not None and is_equal(each, fork.location)), None)
        if chosen is None:
            return None
        decisions = chosen
    return decisions


def matching(tree: Tree, value: Any, tasks: tuple[str, ...], path: str = "", location: Location = ()) -> Match | None:
    """Decisions that could fill the tree so that it equals the value; keys that the tree lacks are not compared."""
    match tree:
        case Int() | Float():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            decision = float(value) if isinstance(tree, Float) and is_number else value
            return Match({path: decision}) if is_number and tree.allows(decision) else None
        case Choice():
            return _choice(tree, value, tasks, path, location)
        case Repeat():
            if isinstance(value, list) and tree.low <= len(value) <= tree.high:
                return _all(_items([tree.of] * len(value), value, tasks, path, location), {path: len(value)})
            return None
        case Maybe():
            if value is None:
                return Match({f"{path}?": 0})
            return _all([matching(tree.of, value, tasks, path, location)], {f"{path}?": 1})
        case EachTask():
            if isinstance(value, Mapping) and set(value) == set(tasks):
                return _all(
                    matching(tree.of, value[task], tasks, f"{path}.{task}", (*location, task)) for task in tasks
                )
            return None
        case Subset():
            items = items_of(tree, tasks)
            if isinstance(value, list) and all(item in items for item in value):
                return Match({item_path(path, item): int(item in value) for item in items})
            return None
        case Mapping():
            if isinstance(value, Mapping) and set(tree) <= set(value):
                return _all(
                    matching(branch, value[key], tasks, key_path(path, key), (*location, key))
                    for key, branch in tree.items()
                )
            return None
        case list() | tuple():
            if isinstance(value, list) and len(value) == len(tree):
                return _all(_items(tree, value, tasks, path, location))
            return None
    return Match({}) if tree == value else None


def _choice(hole: Choice, value: Any, tasks: tuple[str, ...], path: str, location: Location) -> Match | None:
    alternatives = [
        Match({path: index, **match.decisions}, match.forks)
        for index, option in enumerate(hole.options)
        if (match := matching(option, value, tasks, option_path(hole, index, path), location)) is not None
    ]
    if len(alternatives) > 1:
        return Match({}, (Fork(location, tuple(alternatives)),))
    return alternatives[0] if alternatives else None


def _items(
    trees: Iterable[Tree], values: list[Any], tasks: tuple[str, ...], path: str, location: Location
) -> Iterator[Match | None]:
    for index, (tree, value) in enumerate(zip(trees, values, strict=True)):
        yield matching(tree, value, tasks, f"{path}.{index}", (*location, index))


def _all(matches: Iterable[Match | None], decisions: Decisions | None = None) -> Match | None:
    """One match of all branches; none where a branch has none."""
    together, forks = decisions or {}, list[Fork]()
    for match in matches:
        if match is None:
            return None
        together.update(match.decisions)
        forks += match.forks
    return Match(together, tuple(forks))
