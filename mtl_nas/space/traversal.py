"""Recursions over a tree with holes, depth first in the order of its keys.

A hole on a branch that is not chosen is never visited, so conditional holes need no mechanism of their own. Paths are
keys and indices joined by dots. Recorded decisions depend on the paths and on the order, so both must not change.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product
from math import comb, prod
from types import NoneType
from typing import Any

from mtl_nas.errors import SpaceError
from mtl_nas.space.deciders import Decider, Decisions
from mtl_nas.space.domains import SWITCH, Choice, Domain, Float, Int, Tree
from mtl_nas.space.holes import EachTask, Maybe, Needs, Repeat, Subset

SCALARS = (str, int, float, bool, NoneType)  # checked first, because most branches are scalars


def prune_unneeded(tree: Tree, available: Container[str]) -> Tree:
    """The tree without the options whose requirement the table does not meet."""
    match tree:
        case Choice():
            options = [option for option in tree.options if not isinstance(option, Needs) or option.what in available]
            bare = [option.of if isinstance(option, Needs) else option for option in options]
            return Choice(tuple(prune_unneeded(option, available) for option in bare))
        case Repeat() | Maybe() | EachTask():
            return replace(tree, of=prune_unneeded(tree.of, available))
        case Mapping():
            return {key: prune_unneeded(branch, available) for key, branch in tree.items()}
        case list() | tuple():
            return [prune_unneeded(branch, available) for branch in tree]
    return tree


def fill_holes(tree: Tree, decider: Decider, tasks: tuple[str, ...]) -> tuple[Any, Decisions]:
    """The plain tree in which the decider has filled every hole, and its decisions by path."""
    decisions: Decisions = {}

    def decide(path: str, domain: Domain) -> Any:
        decisions[path] = decision = decider.choose(path, domain)
        if not domain.allows(decision):
            raise SpaceError(f"'{path}' cannot be {decision!r}")
        return decision

    def fill(branch: Tree, path: str) -> Any:
        if isinstance(branch, SCALARS):
            return branch
        match branch:
            case Mapping():
                return {key: fill(below, _key_path(path, key)) for key, below in branch.items()}
            case list() | tuple():
                return [fill(below, f"{path}.{index}") for index, below in enumerate(branch)]
            case Int() | Float():
                return decide(path, branch)
            case Choice():
                index = decide(path, branch)
                return fill(branch.options[index], _option_path(branch, index, path))
            case Repeat():
                return [fill(branch.of, f"{path}.{index}") for index in range(decide(path, branch.count))]
            case Maybe():
                return fill(branch.of, path) if decide(f"{path}?", SWITCH) else None
            case EachTask():
                return {task: fill(branch.of, f"{path}.{task}") for task in tasks}
            case Subset():
                chosen: list[Any] = []
                items = _items(branch, tasks)
                for index, item in enumerate(items):
                    required = branch.min - len(chosen) >= len(items) - index  # the minimum needs every item left
                    if required or decide(_item_path(path, item), SWITCH):
                        chosen.append(item)
                return chosen
        return branch

    return fill(tree, ""), decisions


def branches_below(tree: Tree, path: str, tasks: tuple[str, ...]) -> list[tuple[Tree, str]]:
    """Every branch that some decision reaches, with its path."""
    match tree:
        case Choice():
            return [(option, _option_path(tree, index, path)) for index, option in enumerate(tree.options)]
        case Repeat():
            return [(tree.of, f"{path}.{index}") for index in range(tree.high)]
        case Maybe():
            return [(tree.of, path)]
        case EachTask():
            return [(tree.of, f"{path}.{task}") for task in tasks]
        case Mapping():
            return [(branch, _key_path(path, key)) for key, branch in tree.items()]
        case list() | tuple():
            return [(branch, f"{path}.{index}") for index, branch in enumerate(tree)]
    return []


def domains_in(tree: Tree, path: str, tasks: tuple[str, ...]) -> Iterator[tuple[str, Domain]]:
    """Every path that can have a decision, with its domain."""
    match tree:
        case Int() | Float() | Choice():
            yield path, tree
        case Repeat():
            yield path, tree.count
        case Maybe():
            yield f"{path}?", SWITCH
        case Subset():
            yield from ((_item_path(path, item), SWITCH) for item in _items(tree, tasks))
    for branch, below in branches_below(tree, path, tasks):
        yield from domains_in(branch, below, tasks)


def count_combinations(tree: Tree, tasks: tuple[str, ...]) -> int:
    """The number of combinations of options and whole numbers; a Float counts once."""
    match tree:
        case Int():
            return tree.high - tree.low + 1
        case Choice():
            return sum(count_combinations(option, tasks) for option in tree.options)
        case Repeat():
            each = count_combinations(tree.of, tasks)
            return sum(each**length for length in range(tree.low, tree.high + 1))
        case Maybe():
            return 1 + count_combinations(tree.of, tasks)
        case EachTask():
            return int(count_combinations(tree.of, tasks) ** len(tasks))
        case Subset():
            count = len(_items(tree, tasks))
            return sum(comb(count, chosen) for chosen in range(min(tree.min, count), count + 1))
    return prod(count_combinations(branch, tasks) for branch, _ in branches_below(tree, "", tasks))


def matching_decisions(tree: Tree, value: Any, path: str, tasks: tuple[str, ...]) -> Iterator[Decisions]:
    """Decisions that could fill the tree so that it equals the value; keys that the tree lacks are not compared."""
    match tree:
        case Int() | Float():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            decision = float(value) if isinstance(tree, Float) and is_number else value
            if is_number and tree.allows(decision):
                yield {path: decision}
        case Choice():
            for index, option in enumerate(tree.options):
                for decisions in matching_decisions(option, value, _option_path(tree, index, path), tasks):
                    yield {path: index, **decisions}
        case Repeat():
            if isinstance(value, list) and tree.low <= len(value) <= tree.high:
                branches = [(tree.of, item, f"{path}.{index}") for index, item in enumerate(value)]
                yield from ({path: len(value), **decisions} for decisions in _all_match(branches, tasks))
        case Maybe():
            if value is None:
                yield {f"{path}?": 0}
            else:
                below = matching_decisions(tree.of, value, path, tasks)
                yield from ({f"{path}?": 1, **decisions} for decisions in below)
        case EachTask():
            if isinstance(value, Mapping) and set(value) == set(tasks):
                yield from _all_match([(tree.of, value[task], f"{path}.{task}") for task in tasks], tasks)
        case Subset():
            items = _items(tree, tasks)
            if isinstance(value, list) and all(item in items for item in value):
                yield {_item_path(path, item): int(item in value) for item in items}
        case Mapping():
            if isinstance(value, Mapping) and set(tree) <= set(value):
                yield from _all_match([(tree[key], value[key], _key_path(path, key)) for key in tree], tasks)
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
        if not (matching := list(matching_decisions(tree, value, path, tasks))):
            return
        alternatives.append(matching)
    for combination in product(*alternatives):
        yield {path: decision for decisions in combination for path, decision in decisions.items()}


def _key_path(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _option_path(hole: Choice, index: int, path: str) -> str:
    """An option that is itself a hole needs a path beside that of the choice."""
    return path if isinstance(hole.options[index], Mapping) else f"{path}.{index}"


def _items(hole: Subset, tasks: tuple[str, ...]) -> list[Any]:
    return [list(pair) for pair in combinations(tasks, 2)] if isinstance(hole.items, str) else list(hole.items)


def _item_path(path: str, item: Any) -> str:
    return f"{path}.{'->'.join(map(str, item)) if isinstance(item, list | tuple) else item}"
