"""Trees whose holes are filled many times: paths, and branches without holes, are worked out once.

A hole on a branch that is not chosen is never visited. Recorded decisions depend on the paths and on the order of the
holes, so both must not change.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mtl_nas.errors import SpaceError
from mtl_nas.space.deciders import Decider, Decisions
from mtl_nas.space.domains import SWITCH, Choice, Decision, Domain, Float, Int, Tree
from mtl_nas.space.holes import EachTask, Maybe, Repeat, Subset
from mtl_nas.space.traversal import item_path, items_of, key_path, option_path

Decide = Callable[[str, Domain], Decision]  # the decision at a path
Fill = Callable[[Decide], Any]  # a branch whose holes are filled
HOLES = (Int, Float, Choice, Repeat, Maybe, EachTask, Subset)


class HoleFiller:
    """A tree with holes, ready to be filled by one decider after the other.

    Args:
        tree: The tree.
        tasks: The tasks of the table.
    """

    def __init__(self, tree: Tree, tasks: tuple[str, ...]) -> None:
        self._fill = _filled(tree, "", tasks)

    def __call__(self, decider: Decider) -> tuple[Any, Decisions]:
        """The plain tree in which the decider has filled every hole, and its decisions by path.

        Branches without holes are the same objects in all plain trees, which are only to be read.

        Raises:
            SpaceError: A decision lies outside its hole.
        """
        decisions: Decisions = {}

        def decide(path: str, domain: Domain) -> Decision:
            decisions[path] = decision = decider.choose(path, domain)
            if not domain.allows(decision):
                raise SpaceError(f"'{path}' cannot be {decision!r}")
            return decision

        return self._fill(decide), decisions


def _filled(tree: Tree, path: str, tasks: tuple[str, ...]) -> Fill:
    match tree:
        case Int() | Float():
            return lambda decide: decide(path, tree)
        case Choice():
            options = [
                _filled(option, option_path(tree, index, path), tasks) for index, option in enumerate(tree.options)
            ]
            return lambda decide: options[int(decide(path, tree))](decide)
        case Repeat():
            return _repeated(tree, path, tasks)
        case Maybe():
            of, switch = _filled(tree.of, path, tasks), f"{path}?"
            return lambda decide: of(decide) if decide(switch, SWITCH) else None
        case EachTask():
            return _mapping({task: (tree.of, f"{path}.{task}") for task in tasks}, tasks)
        case Subset():
            return _subset(tree, path, tasks)
        case Mapping():
            return _mapping({key: (branch, key_path(path, key)) for key, branch in tree.items()}, tasks)
        case list() | tuple():
            return _sequence([(branch, f"{path}.{index}") for index, branch in enumerate(tree)], tasks)
    return lambda decide: tree


def _has_hole(tree: Tree) -> bool:
    match tree:
        case Mapping():
            return any(map(_has_hole, tree.values()))
        case list() | tuple():
            return any(map(_has_hole, tree))
    return isinstance(tree, HOLES)


def _mapping(branches: Mapping[str, tuple[Tree, str]], tasks: tuple[str, ...]) -> Fill:
    plain = {key: _plain(branch) for key, (branch, _) in branches.items()}
    holes = [(key, _filled(branch, path, tasks)) for key, (branch, path) in branches.items() if _has_hole(branch)]

    def fill(decide: Decide) -> dict[str, Any]:
        values = plain.copy()
        for key, below in holes:
            values[key] = below(decide)
        return values

    return fill if holes else lambda decide: plain


def _sequence(branches: list[tuple[Tree, str]], tasks: tuple[str, ...]) -> Fill:
    items = [_filled(branch, path, tasks) for branch, path in branches]
    if any(_has_hole(branch) for branch, _ in branches):
        return lambda decide: [item(decide) for item in items]
    plain = [_plain(branch) for branch, _ in branches]
    return lambda decide: plain


def _plain(tree: Tree) -> Any:
    """The tree, if it has no hole, with lists for tuples."""
    match tree:
        case Mapping():
            return {key: _plain(branch) for key, branch in tree.items()}
        case list() | tuple():
            return [_plain(branch) for branch in tree]
    return tree


def _repeated(hole: Repeat, path: str, tasks: tuple[str, ...]) -> Fill:
    domain = hole.count
    items: list[Fill] = []

    def fill(decide: Decide) -> list[Any]:
        count = int(decide(path, domain))
        while len(items) < count:  # the longest lists may never be asked for
            items.append(_filled(hole.of, f"{path}.{len(items)}", tasks))
        return [item(decide) for item in items[:count]]

    return fill


def _subset(hole: Subset, path: str, tasks: tuple[str, ...]) -> Fill:
    items = [(item, item_path(path, item)) for item in items_of(hole, tasks)]

    def fill(decide: Decide) -> list[Any]:
        chosen: list[Any] = []
        for index, (item, below) in enumerate(items):
            required = hole.min - len(chosen) >= len(items) - index  # the minimum needs every item left
            if required or decide(below, SWITCH):
                chosen.append(item)
        return chosen

    return fill
