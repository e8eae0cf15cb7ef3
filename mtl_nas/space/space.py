"""A search space: the plain form of a proposal, with holes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from mtl_nas import html
from mtl_nas.data import Schema
from mtl_nas.design import Design, Proposal
from mtl_nas.errors import SpaceError
from mtl_nas.space.deciders import Corner, Decider, Decisions, Defaults, Offset, Random, Replay
from mtl_nas.space.domains import Choice, Domain, Float, Tree
from mtl_nas.space.filling import HoleFiller
from mtl_nas.space.holes import REQUIREMENTS
from mtl_nas.space.matching import Location, matching, settled
from mtl_nas.space.notation import write_holes
from mtl_nas.space.traversal import count_combinations, domains_in, most_values, prune_unneeded
from mtl_nas.values import ALL_FIELDS, Value, parse, renamed

LONGEST_OPTION = 40  # characters of an option in a notebook
MOST_VALUES = 100_000  # of a proposal; the largest built-in space allows a few hundred
CHECKED_OFFSETS = CHECKED_DRAWS = 64  # proposals of each kind that are built when a space is defined


@dataclass(frozen=True)
class SearchSpace:
    """A set of proposals, written as one proposal with holes.

    Defining a space builds its corners, 64 proposals that go through the options in turn, and 64 random ones, so that
    an impossible space is refused at once and not during a search.

    Args:
        name: The name in messages and records.
        tree: The plain form of a Proposal, with the keys ``design`` and ``training``. Any value may be a hole.
        tasks: The tasks of the table; ``for_schema`` sets them.
        available: The requirements of options (``Needs``) that the table meets; ``for_schema`` sets them.

    Raises:
        SpaceError: One of the proposals that are built is impossible.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Float, Int
        >>> design = {"levels": [{"shared": Int(2, 8)}]}
        >>> training = {"learning_rate": Float(1e-4, 1e-2, log=True)}
        >>> space = mn.SearchSpace("mine", {"design": design, "training": training})
        >>> space.size(), space.default().design.levels[0].shared
        (7, 2)
    """

    name: str
    tree: Mapping[str, Tree]
    tasks: tuple[str, ...] = ()
    available: tuple[str, ...] = REQUIREMENTS

    def __hash__(self) -> int:
        return hash((self.name, self.tasks, self.available))  # a tree is not hashable

    def __post_init__(self) -> None:
        training = self.tree.get("training")
        if isinstance(training, Mapping):
            current = renamed(training, "passes", "epochs", f"space '{self.name}': training")
            object.__setattr__(self, "tree", {**self.tree, "training": current})
        values = most_values(self.tree, len(self.tasks))
        if values > MOST_VALUES:
            raise SpaceError(
                f"space '{self.name}': a proposal has at most {MOST_VALUES:,} values, and this space allows "
                f"{values:,}; lower the ends of its repeats"
            )
        corners: tuple[Decider, ...] = (Defaults(), Corner(high=False), Corner(high=True))
        for decider in (*corners, *map(Offset, range(CHECKED_OFFSETS)), *map(Random, range(CHECKED_DRAWS))):
            self.resolve(decider)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # what is cached is made anew

    @cached_property
    def pruned_tree(self) -> Any:
        """The tree without options whose requirements the table does not meet."""
        return prune_unneeded(self.tree, self.available)

    @cached_property
    def _fill_holes(self) -> HoleFiller:
        return HoleFiller(self.pruned_tree, self.tasks)

    @cached_property
    def _of_tables(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], "SearchSpace"]:
        """The spaces that ``for_schema`` has returned, by their tasks and what is available to them."""
        return {}

    def _repr_html_(self) -> str:
        """The holes with their domains and defaults, for a notebook."""
        holes = [(path, *_in_words(domain)) for path, domains in self.domains().items() for domain in domains]
        rest = f"{self.size():,} combinations of {len(holes)} holes, for {', '.join(self.tasks) or 'any tasks'}"
        return html.heading(f"SearchSpace {self.name}:", rest) + html.table(["hole", "from", "default"], holes, texts=3)

    def resolve(self, decider: Decider) -> Proposal:
        """The proposal in which the decider has filled every hole.

        Raises:
            SpaceError: A decision lies outside its hole, or the grammar forbids the proposal.
        """
        return self.draw(decider)[0]

    def draw(self, decider: Decider) -> tuple[Proposal, Decisions]:
        """The proposal, and the decisions of the decider by path."""
        plain, decisions = self._fill_holes(decider)
        return parse(Proposal, plain, f"space '{self.name}'", SpaceError), decisions

    def decide(self, decider: Decider) -> Decisions:
        """The decisions of ``draw``, in a fraction of its time, as no proposal is built."""
        return self._fill_holes(decider)[1]

    def default(self) -> Proposal:
        """The proposal in which every hole is at its default."""
        return self.resolve(Defaults())

    def for_schema(self, schema: Schema) -> "SearchSpace":
        """The same space for the tasks of a schema, with the options that its table can use."""
        first = [task for task in schema.tasks if task.after is None]
        met = {
            "sequences": bool(schema.sequences),
            "families": any(task.family for task in schema.tasks),
            "funnel": schema.has_funnel,
            "one funnel": schema.has_funnel and len(first) == 1,
            "binary tasks": all(task.rules.is_event for task in schema.tasks),
            "thresholds": any(number.thresholds for number in schema.numbers),
        }
        available = tuple(requirement for requirement in REQUIREMENTS if met[requirement])
        table = (schema.task_names, available)
        if table not in self._of_tables:
            self._of_tables[table] = replace(self, tasks=schema.task_names, available=available)
        return self._of_tables[table]

    def size(self) -> int:
        """The number of combinations of options and whole numbers; a Float counts once."""
        return count_combinations(self.pruned_tree, self.tasks)

    def domains(self) -> dict[str, tuple[Domain, ...]]:
        """The domains of every path that can have a decision; several where branches differ in their holes."""
        domains: dict[str, tuple[Domain, ...]] = {}
        for path, domain in domains_in(self.pruned_tree, "", self.tasks):
            if domain not in domains.get(path, ()):
                domains[path] = (*domains.get(path, ()), domain)
        return domains

    def encode(self, what: Proposal | Design) -> Decisions | None:
        """Decisions that resolve to a proposal, or to a Design with any training; None if the space lacks it."""
        section = "design" if isinstance(what, Design) else None
        plain = what.model_dump(mode="json", context=ALL_FIELDS)
        tree = self.pruned_tree.get("design", {}) if section else self.pruned_tree

        def resolved(decisions: Decisions) -> tuple[Proposal | Design, Decisions]:
            proposal, complete = self.draw(Replay(decisions, Defaults()))
            return proposal.design if section else proposal, complete

        def is_equal(decisions: Decisions, location: Location) -> bool:
            return bool(_part_at(resolved(decisions)[0], location) == _part_at(what, location))

        match = matching(tree, plain, self.tasks, section or "")
        if match is None or (decisions := settled(match, is_equal)) is None:
            return None
        nearest, complete = resolved(decisions)
        return complete if nearest == what else None

    def contains(self, what: Proposal | Design) -> bool:
        """Whether some decisions resolve to a proposal, or to a Design with any training."""
        return self.encode(what) is not None


def _in_words(domain: Domain) -> tuple[str, str]:
    """What a hole may hold, and its default."""
    if isinstance(domain, Choice):
        return " | ".join(map(_short, domain.options)), _short(domain.options[domain.start])
    logarithmic = ", logarithmic" if isinstance(domain, Float) and domain.log else ""
    return f"{domain.low:g} to {domain.high:g}{logarithmic}", f"{domain.start:g}"


def _short(option: Tree) -> str:
    text = str(write_holes(option))
    return text if len(text) <= LONGEST_OPTION else f"{text[:LONGEST_OPTION]} ..."


def _part_at(value: Any, location: Location) -> Any:
    """The part of a proposal to which keys and indices lead."""
    for part in location:
        value = getattr(value, str(part)) if isinstance(value, Value) else value[part]
    return value
