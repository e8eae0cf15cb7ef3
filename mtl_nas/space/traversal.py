"""Walks over a tree with holes, depth first in the order of the sentence.

A hole on a branch that is not taken is never visited, so conditions need no mechanism of their own. Paths are stable:
keys and places joined by dots; resuming and replaying depend on them and on the order.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product
from math import prod
from types import NoneType
from typing import Any

from mtl_nas.errors import SpaceError
from mtl_nas.space.deciders import Decider, Decisions, allowed
from mtl_nas.space.holes import SWITCH, Choice, Domain, EachTask, Float, Int, Maybe, Needs, Repeat, Subset, Tree

PLAIN = (str, int, float, bool, NoneType)  # leaves, the most frequent branches


def fitted(tree: Tree, has: Container[str]) -> Tree:
    """The tree without the options that need what a table has not."""
    match tree:
        case Choice():
            options = [option for option in tree.options if not isinstance(option, Needs) or option.what in has]
            return Choice(tuple(fitted(option.of if isinstance(option, Needs) else option, has) for option in options))
        case Repeat() | Maybe() | EachTask():
            return replace(tree, of=fitted(tree.of, has))
        case Mapping():
            return {key: fitted(branch, has) for key, branch in tree.items()}
        case list() | tuple():
            return [fitted(branch, has) for branch in tree]
    return tree


def filled(tree: Tree, path: str, decider: Decider, decisions: Decisions, tasks: tuple[str, ...]) -> Any:
    """The plain tree that the decider's choices spell; they are added to the decisions."""

    def decide(path: str, domain: Domain) -> Any:
        decisions[path] = decision = decider.choose(path, domain)
        if not allowed(domain, decision):
            raise SpaceError(f"'{path}' cannot be {decision!r}")
        return decision

    def fill(branch: Tree, path: str) -> Any:
        if isinstance(branch, PLAIN):
            return branch
        match branch:
            case Mapping():
                return {key: fill(below, f"{path}.{key}" if path else key) for key, below in branch.items()}
            case list() | tuple():
                return [fill(below, f"{path}.{index}") for index, below in enumerate(branch)]
            case Int() | Float():
                return decide(path, branch)
            case Choice():
                taken = decide(path, branch)
                return fill(branch.options[taken], _option_path(branch, taken, path))
            case Repeat():
                return [fill(branch.of, f"{path}.{index}") for index in range(decide(path, branch.count))]
            case Maybe():
                return fill(branch.of, path) if decide(f"{path}?", SWITCH) else None
            case EachTask():
                return {task: fill(branch.of, f"{path}.{task}") for task in tasks}
            case Subset():
                return _some(_items(branch, tasks), branch.min, path, decide)
        return branch

    return fill(tree, path)


def _option_path(hole: Choice, place: int, path: str) -> str:
    """A hole that is itself an option needs a path beside that of the choice."""
    return path if isinstance(hole.options[place], Mapping) else f"{path}.{place}"


def _items(hole: Subset, tasks: tuple[str, ...]) -> list[Any]:
    return [list(pair) for pair in combinations(tasks, 2)] if isinstance(hole.items, str) else list(hole.items)


def _item_path(path: str, item: Any) -> str:
    return f"{path}.{'->'.join(map(str, item)) if isinstance(item, list | tuple) else item}"


def _some(items: list[Any], least: int, path: str, decide: Any) -> list[Any]:
    taken: list[Any] = []
    for place, item in enumerate(items):
        needed = least - len(taken) >= len(items) - place  # only all that are left can still reach the minimum
        if needed or decide(_item_path(path, item), SWITCH):
            taken.append(item)
    return taken


def counted(tree: Tree, tasks: tuple[str, ...]) -> int:
    """Number of discrete combinations; numbers that are not whole count once."""
    match tree:
        case Int():
            return tree.high - tree.low + 1
        case Choice():
            return sum(counted(option, tasks) for option in tree.options)
        case Repeat():
            one = counted(tree.of, tasks)
            return sum(one**count for count in range(tree.low, tree.high + 1))
        case Maybe():
            return 1 + counted(tree.of, tasks)
        case EachTask():
            return int(counted(tree.of, tasks) ** len(tasks))
        case Subset():
            count = len(_items(tree, tasks))
            return sum(len(list(combinations(range(count), taken))) for taken in range(min(tree.min, count), count + 1))
    branches = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    return prod(counted(branch, tasks) for branch in branches)


def holes_in(tree: Tree, path: str, tasks: tuple[str, ...]) -> Iterator[tuple[str, Domain]]:
    """Every path that can be decided, with its hole."""
    branches: list[tuple[Tree, str]] = []
    match tree:
        case Int() | Float():
            yield path, tree
        case Choice():
            yield path, tree
            branches = [(option, _option_path(tree, place, path)) for place, option in enumerate(tree.options)]
        case Repeat():
            yield path, tree.count
            branches = [(tree.of, f"{path}.{index}") for index in range(tree.high)]
        case Maybe():
            yield f"{path}?", SWITCH
            branches = [(tree.of, path)]
        case EachTask():
            branches = [(tree.of, f"{path}.{task}") for task in tasks]
        case Subset():
            yield from ((_item_path(path, item), SWITCH) for item in _items(tree, tasks))
        case Mapping():
            branches = [(branch, f"{path}.{key}" if path else key) for key, branch in tree.items()]
        case list() | tuple():
            branches = [(branch, f"{path}.{index}") for index, branch in enumerate(tree)]
    for branch, place in branches:
        yield from holes_in(branch, place, tasks)


def spellings(tree: Tree, value: Any, path: str, tasks: tuple[str, ...]) -> Iterator[Decisions]:
    """Decisions at this place that could spell the value; what the tree does not mention is compared afterwards."""
    match tree:
        case Int() | Float():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            found = float(value) if isinstance(tree, Float) and number else value
            if number and allowed(tree, found):
                yield {path: found}
        case Choice():
            for place, option in enumerate(tree.options):
                for decisions in spellings(option, value, _option_path(tree, place, path), tasks):
                    yield {path: place, **decisions}
        case Repeat():
            if isinstance(value, list) and tree.low <= len(value) <= tree.high:
                branches = [(tree.of, item, f"{path}.{index}") for index, item in enumerate(value)]
                yield from ({path: len(value), **decisions} for decisions in _all_match(branches, tasks))
        case Maybe():
            if value is None:
                yield {f"{path}?": 0}
            else:
                yield from ({f"{path}?": 1, **decisions} for decisions in spellings(tree.of, value, path, tasks))
        case EachTask():
            if isinstance(value, Mapping) and set(value) == set(tasks):
                yield from _all_match([(tree.of, value[task], f"{path}.{task}") for task in tasks], tasks)
        case Subset():
            items = _items(tree, tasks)
            if isinstance(value, list) and all(item in items for item in value):
                yield {_item_path(path, item): int(item in value) for item in items}
        case Mapping():
            if isinstance(value, Mapping) and set(tree) <= set(value):
                yield from _all_match(
                    [(tree[key], value[key], f"{path}.{key}" if path else key) for key in tree], tasks
                )
        case list() | tuple():
            if isinstance(value, list) and len(value) == len(tree):
                branches = [(branch, value[index], f"{path}.{index}") for index, branch in enumerate(tree)]
                yield from _all_match(branches, tasks)
        case _:
            if tree == value:
                yield {}


def _all_match(branches: list[tuple[Tree, Any, str]], tasks: tuple[str, ...]) -> Iterator[Decisions]:
    """Every combination of the branches' decisions; none, and no search for one, where a branch has none."""
    alternatives = []
    for tree, value, path in branches:
        if not (found := list(spellings(tree, value, path, tasks))):
            return
        alternatives.append(found)
    for combination in product(*alternatives):
        yield {path: decision for decisions in combination for path, decision in decisions.items()}
