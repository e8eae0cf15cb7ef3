"""A search space: the sentence of a proposal, with holes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mtl_nas.data.schema import Schema
from mtl_nas.design import Design, Proposal
from mtl_nas.errors import SpaceError
from mtl_nas.space.deciders import Decider, Decisions, Defaults, Ends, Random, Replay, Turn
from mtl_nas.space.holes import NEEDS, Domain, Tree
from mtl_nas.space.traversal import counted, filled, fitted, holes_in, spellings
from mtl_nas.values import parse, renamed

TRIED = 64  # turns and random draws that are checked when a space is defined


@dataclass(frozen=True)
class SearchSpace:
    """``tree`` is the plain form of a Proposal, any value of which may be a hole; ``has``: what its table has.

    Defining a space tries its corners, the options in turn and some draws: an impossible one is refused here and not at
    trial 37.
    """

    name: str
    tree: Mapping[str, Tree]
    tasks: tuple[str, ...] = ()
    has: tuple[str, ...] = NEEDS

    def __hash__(self) -> int:
        """Of what is hashable: equal spaces have it in common."""
        return hash((self.name, self.tasks, self.has))

    def __post_init__(self) -> None:
        """Refuse a space of which a proposal is impossible."""
        training = self.tree.get("training")
        if isinstance(training, Mapping):
            current = renamed(training, "passes", "epochs", f"space '{self.name}': training")
            object.__setattr__(self, "tree", {**self.tree, "training": current})
        corners: tuple[Decider, ...] = (Defaults(), Ends(high=False), Ends(high=True))
        for decider in (*corners, *map(Turn, range(TRIED)), *map(Random, range(TRIED))):
            self.resolve(decider)

    @cached_property
    def sentence(self) -> Any:
        """The tree without options that the table has no use for."""
        return fitted(self.tree, self.has)

    def resolve(self, decider: Decider) -> Proposal:
        """The proposal that the decider's choices spell."""
        return self.draw(decider)[0]

    def draw(self, decider: Decider) -> tuple[Proposal, Decisions]:
        """The proposal, and the decisions that led to it by path."""
        decisions: Decisions = {}
        plain = filled(self.sentence, "", decider, decisions, self.tasks)
        return parse(Proposal, plain, f"space '{self.name}'", SpaceError), decisions

    def walk(self, decider: Decider) -> Decisions:
        """The decisions alone, in a fraction of the time."""
        decisions: Decisions = {}
        filled(self.sentence, "", decider, decisions, self.tasks)
        return decisions

    def default(self) -> Proposal:
        """Every hole at its default."""
        return self.resolve(Defaults())

    def for_schema(self, schema: Schema) -> "SearchSpace":
        """The same space with holes for this schema's tasks, and the options that it can use."""
        first = [task for task in schema.tasks if task.after is None]
        funnels = (schema.has_funnel, schema.has_funnel and len(first) == 1)
        binary = all(task.rules.is_event for task in schema.tasks)
        there = (bool(schema.sequences), any(task.family for task in schema.tasks), *funnels, binary)
        has = tuple(what for what, found in zip(NEEDS, there, strict=True) if found)
        return replace(self, tasks=schema.task_names, has=has)

    def size(self) -> int:
        """Number of discrete combinations; holes for numbers that are not whole count once."""
        return counted(self.sentence, self.tasks)

    def domains(self) -> dict[str, tuple[Domain, ...]]:
        """Every path that a decision can have, with its hole; several where branches differ in what they ask there."""
        found: dict[str, tuple[Domain, ...]] = {}
        for path, domain in holes_in(self.sentence, "", self.tasks):
            if domain not in found.get(path, ()):
                found[path] = (*found.get(path, ()), domain)
        return found

    def encode(self, what: Proposal | Design) -> Decisions | None:
        """Decisions that resolve to it, or None where no decisions do; a Design fits with any training."""
        design_only = isinstance(what, Design)
        plain = {"design": what.model_dump(mode="json")} if isinstance(what, Design) else what.model_dump(mode="json")
        tree = {"design": self.sentence.get("design", {})} if design_only else self.sentence
        for decisions in spellings(tree, plain, "", self.tasks):
            found, complete = self.draw(Replay(decisions, Defaults()))
            if (found.design if design_only else found) == what:
                return complete
        return None

    def contains(self, what: Proposal | Design) -> bool:
        """Some decisions resolve to it."""
        return self.encode(what) is not None
