"""A search space: the sentence of a proposal, with holes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from mtl_nas.data.schema import Schema
from mtl_nas.design import Design, Proposal
from mtl_nas.errors import SpaceError
from mtl_nas.space.deciders import Decider, Decisions, Defaults, Ends, Random, Replay, allowed
from mtl_nas.space.holes import SWITCH, Choice, Domain, EachTask, Float, Int, Maybe, Repeat, Subset, Tree
from mtl_nas.values import parse

DRAWS_TRIED = 64  # random proposals checked when a space is defined


@dataclass(frozen=True)
class SearchSpace:
    """``tree`` is the plain form of a Proposal, any value of which may be a hole.

    Defining a space tries its corners and some draws, so that an impossible one is refused here and not at trial 37.
    """

    name: str
    tree: Mapping[str, Tree]
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a space of which a proposal is impossible."""
        corners = (Defaults(), Ends(high=False), Ends(high=True))
        for decider in (*corners, *(Random(seed) for seed in range(DRAWS_TRIED))):
            self.resolve(decider)

    def resolve(self, decider: Decider) -> Proposal:
        """The proposal that the decider's choices spell."""
        return self.draw(decider)[0]

    def draw(self, decider: Decider) -> tuple[Proposal, Decisions]:
        """The proposal, and the decisions that led to it by path."""
        decisions: Decisions = {}
        plain = _filled(self.tree, "", decider, decisions, self.tasks)
        return parse(Proposal, plain, f"space '{self.name}'", SpaceError), decisions

    def default(self) -> Proposal:
        """Every hole at its default."""
        return self.resolve(Defaults())

    def for_schema(self, schema: Schema) -> "SearchSpace":
        """The same space with holes for this schema's tasks."""
        return replace(self, tasks=schema.task_names)

    def size(self) -> int:
        """Number of discrete combinations; holes for numbers that are not whole count once."""
        return _size(self.tree, self.tasks)

    def domains(self) -> dict[str, tuple[Domain, ...]]:
        """Every path that a decision can have, with its hole; several where branches differ in what they ask there."""
        found: dict[str, tuple[Domain, ...]] = {}
        for path, domain in _domains(self.tree, "", self.tasks):
            if domain not in found.get(path, ()):
                found[path] = (*found.get(path, ()), domain)
        return found

    def encode(self, what: Proposal | Design) -> Decisions | None:
        """Decisions that resolve to it, or None where no decisions do; a Design fits with any training."""
        design_only = isinstance(what, Design)
        plain = {"design": what.model_dump(mode="json")} if isinstance(what, Design) else what.model_dump(mode="json")
        tree = {"design": self.tree.get("design", {})} if design_only else self.tree
        for decisions in _matches(tree, plain, "", self.tasks):
            found, complete = self.draw(Replay(decisions, Defaults()))
            if (found.design if design_only else found) == what:
                return complete
        return None

    def contains(self, what: Proposal | Design) -> bool:
        """Some decisions resolve to it."""
        return self.encode(what) is not None


def resolve(space: SearchSpace, decider: Decider) -> Proposal:
    """The proposal that the decider's choices spell."""
    return space.resolve(decider)


def _filled(tree: Tree, path: str, decider: Decider, decisions: Decisions, tasks: tuple[str, ...]) -> Any:
    def decide(place: str, domain: Domain) -> Any:
        decisions[place] = decision = decider.choose(place, domain)
        if not allowed(domain, decision):
            raise SpaceError(f"'{place}' cannot be {decision!r}")
        return decision

    def fill(branch: Tree, place: str) -> Any:
        return _filled(branch, place, decider, decisions, tasks)

    match tree:
        case Int() | Float():
            return decide(path, tree)
        case Choice():
            taken = decide(path, tree)
            return fill(tree.options[taken], _option_path(tree, taken, path))
        case Repeat():
            return [fill(tree.of, f"{path}.{index}") for index in range(decide(path, tree.count))]
        case Maybe():
            return fill(tree.of, path) if decide(f"{path}?", SWITCH) else None
        case EachTask():
            return {task: fill(tree.of, f"{path}.{task}") for task in tasks}
        case Subset():
            return _some(_items(tree, tasks), tree.min, path, decide)
        case Mapping():
            return {key: fill(branch, f"{path}.{key}" if path else key) for key, branch in tree.items()}
        case list() | tuple():
            return [fill(branch, f"{path}.{index}") for index, branch in enumerate(tree)]
    return tree


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


def _size(tree: Tree, tasks: tuple[str, ...]) -> int:
    match tree:
        case Int():
            return tree.high - tree.low + 1
        case Choice():
            return sum(_size(option, tasks) for option in tree.options)
        case Repeat():
            one = _size(tree.of, tasks)
            return sum(one**count for count in range(tree.low, tree.high + 1))
        case Maybe():
            return 1 + _size(tree.of, tasks)
        case EachTask():
            return int(_size(tree.of, tasks) ** len(tasks))
        case Subset():
            count = len(_items(tree, tasks))
            return sum(len(list(combinations(range(count), taken))) for taken in range(min(tree.min, count), count + 1))
    branches = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    size = 1
    for branch in branches:
        size *= _size(branch, tasks)
    return size


def _domains(tree: Tree, path: str, tasks: tuple[str, ...]) -> Iterator[tuple[str, Domain]]:
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
        yield from _domains(branch, place, tasks)


def _matches(tree: Tree, value: Any, path: str, tasks: tuple[str, ...]) -> Iterator[Decisions]:
    """Decisions at this place that could spell the value; what the tree does not mention is compared afterwards."""
    match tree:
        case Int() | Float():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            found = float(value) if isinstance(tree, Float) and number else value
            if number and allowed(tree, found):
                yield {path: found}
        case Choice():
            for place, option in enumerate(tree.options):
                for decisions in _matches(option, value, _option_path(tree, place, path), tasks):
                    yield {path: place, **decisions}
        case Repeat():
            if isinstance(value, list) and tree.low <= len(value) <= tree.high:
                branches = [(tree.of, item, f"{path}.{index}") for index, item in enumerate(value)]
                yield from ({path: len(value), **decisions} for decisions in _all_match(branches, tasks))
        case Maybe():
            if value is None:
                yield {f"{path}?": 0}
            else:
                yield from ({f"{path}?": 1, **decisions} for decisions in _matches(tree.of, value, path, tasks))
        case EachTask():
            if isinstance(value, Mapping) and set(value) == set(tasks):
                yield from _all_match([(tree.of, value[task], f"{path}.{task}") for task in tasks], tasks)
        case Subset():
            items = _items(tree, tasks)
            if isinstance(value, list) and all(item in items for item in value):
                yield {_item_path(path, item): int(item in value) for item in items}
        case Mapping():
            if isinstance(value, Mapping) and set(tree) <= set(value):
                yield from _all_match([(tree[key], value[key], f"{path}.{key}" if path else key) for key in tree], tasks)
        case list() | tuple():
            if isinstance(value, list) and len(value) == len(tree):
                branches = [(branch, value[index], f"{path}.{index}") for index, branch in enumerate(tree)]
                yield from _all_match(branches, tasks)
        case _:
            if tree == value:
                yield {}


def _all_match(branches: list[tuple[Tree, Any, str]], tasks: tuple[str, ...]) -> Iterator[Decisions]:
    if not branches:
        yield {}
        return
    (tree, value, path), *others = branches
    for first in _matches(tree, value, path, tasks):
        for rest in _all_match(others, tasks):
            yield {**first, **rest}


