"""Recursions over a tree with holes, depth first in the order of its keys.

A hole on a branch that is not chosen is never visited, so conditional holes need no mechanism of their own. Paths are
keys and indices joined by dots. Recorded decisions depend on the paths and on the order, so both must not change.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from math import comb, prod
from typing import Any

from mtl_nas.space.domains import SWITCH, Choice, Domain, Float, Int, Tree
from mtl_nas.space.holes import EachTask, Maybe, Needs, Repeat, Subset


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


def branches_below(tree: Tree, path: str, tasks: tuple[str, ...]) -> list[tuple[Tree, str]]:
    """Every branch that some decision reaches, with its path."""
    match tree:
        case Choice():
            return [(option, option_path(tree, index, path)) for index, option in enumerate(tree.options)]
        case Repeat():
            return [(tree.of, f"{path}.{index}") for index in range(tree.high)]
        case Maybe():
            return [(tree.of, path)]
        case EachTask():
            return [(tree.of, f"{path}.{task}") for task in tasks]
        case Mapping():
            return [(branch, key_path(path, key)) for key, branch in tree.items()]
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
            yield from ((item_path(path, item), SWITCH) for item in items_of(tree, tasks))
    for branch, below in branches_below(tree, path, tasks):
        yield from domains_in(branch, below, tasks)


def most_values(tree: Tree, tasks: int) -> int:
    """The largest number of values that a proposal can have, whatever is decided."""
    match tree:
        case Choice():
            return max(most_values(option, tasks) for option in tree.options)
        case Repeat():
            return 1 + tree.high * most_values(tree.of, tasks)
        case EachTask():
            return 1 + tasks * most_values(tree.of, tasks)
        case Maybe() | Needs():
            return most_values(tree.of, tasks)
        case Mapping():
            return 1 + sum(most_values(branch, tasks) for branch in tree.values())
        case list() | tuple():
            return 1 + sum(most_values(branch, tasks) for branch in tree)
    return 1


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
            count = len(items_of(tree, tasks))
            return sum(comb(count, chosen) for chosen in range(min(tree.min, count), count + 1))
    return prod(count_combinations(branch, tasks) for branch, _ in branches_below(tree, "", tasks))


def key_path(path: str, key: str) -> str:
    """The path of a branch of a mapping."""
    return f"{path}.{key}" if path else key


def option_path(hole: Choice, index: int, path: str) -> str:
    """An option that is itself a hole needs a path beside that of the choice."""
    return path if isinstance(hole.options[index], Mapping) else f"{path}.{index}"


def items_of(hole: Subset, tasks: tuple[str, ...]) -> list[Any]:
    """The items of a subset on a table of these tasks."""
    return [list(pair) for pair in combinations(tasks, 2)] if isinstance(hole.items, str) else list(hole.items)


def item_path(path: str, item: Any) -> str:
    """The path of the decision whether an item is in its subset."""
    return f"{path}.{'->'.join(map(str, item)) if isinstance(item, list | tuple) else item}"
