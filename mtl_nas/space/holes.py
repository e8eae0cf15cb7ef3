"""Holes for lists, mappings and options of a tree; a decider fills each by one or more decisions of domains."""

import math
from dataclasses import dataclass

from mtl_nas.errors import SpaceError
from mtl_nas.space.domains import Int, Tree, check_range

# what ``Needs`` may ask of a table
REQUIREMENTS = ("sequences", "families", "funnel", "one funnel", "binary tasks", "thresholds")
MOST_COPIES = 1_000  # of one tree in a list


@dataclass(frozen=True)
class Subset:
    """Some of the items, in their order.

    Args:
        items: The items; or ``"task_pairs"``, the links from each task to each later one.
        min: The smallest number of items.

    Raises:
        SpaceError: An item occurs twice, or ``min`` exceeds the number of items.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Subset
        >>> space = mn.SearchSpace("links", {"design": {"transfers": {"links": Subset("task_pairs")}}})
        >>> space.for_schema(mn.load_dataset("synthetic-mmoe").schema).size()
        2
    """

    items: tuple[Tree, ...] | str
    min: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.items, str):
            if self.items != "task_pairs":
                raise SpaceError(f"a subset takes a list or task_pairs, got '{self.items}'")
        elif repeated := [item for index, item in enumerate(self.items) if item in self.items[:index]]:
            raise SpaceError(f"the items of a subset must differ, got {repeated[0]!r} twice")
        count = math.inf if isinstance(self.items, str) else len(self.items)
        if type(self.min) is not int or not 0 <= self.min <= count:
            raise SpaceError(f"a subset needs 0 <= min <= the number of items, got min={self.min!r} of {count}")


@dataclass(frozen=True)
class Repeat:
    """A list of ``low`` to ``high`` copies of one tree, each with decisions of its own.

    Args:
        low: The shortest length.
        high: The longest length.
        of: The tree that is repeated.
        default: The length in ``SearchSpace.default()``; ``low`` if None.

    Raises:
        SpaceError: The range is empty or negative, or the default lies outside it.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Int, Repeat
        >>> space = mn.SearchSpace("depth", {"design": {"levels": Repeat(1, 2, {"shared": Int(1, 4)})}})
        >>> space.size()  # 4 + 4 * 4
        20
    """

    low: int
    high: int
    of: Tree
    default: int | None = None

    def __post_init__(self) -> None:
        check_range("a repeat", self.low, self.high, self.default, whole=True)
        if self.low < 0:
            raise SpaceError(f"a repeat needs low >= 0, got low={self.low}")
        if self.high > MOST_COPIES:
            raise SpaceError(f"a repeat makes a list of at most {MOST_COPIES:,} copies, got high={self.high:,}")

    @property
    def count(self) -> Int:
        """The domain of the list's length."""
        return Int(self.low, self.high, self.default)


@dataclass(frozen=True)
class Maybe:
    """A tree or None, which is the default.

    Args:
        of: The tree.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Int, Maybe
        >>> space = mn.SearchSpace("stopping", {"training": {"patience": Maybe(Int(1, 3))}})
        >>> space.default().training.patience, space.size()
        (None, 4)
    """

    of: Tree


@dataclass(frozen=True)
class EachTask:
    """A mapping from the name of every task to a copy of one tree, each with decisions of its own.

    The mapping is empty until ``SearchSpace.for_schema`` names the tasks.

    Args:
        of: The tree.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import EachTask, Float
        >>> tree = {"design": {"losses": {"weights": EachTask(Float(0.1, 10.0, log=True, default=1.0))}}}
        >>> space = mn.SearchSpace("weights", tree).for_schema(mn.load_dataset("synthetic-mmoe").schema)
        >>> dict(space.default().design.losses.weights)
        {'y1': 1.0, 'y2': 1.0}
    """

    of: Tree


@dataclass(frozen=True)
class Needs:
    """An option of a Choice that exists only on tables with a property.

    Args:
        what: The property: ``"sequences"``, ``"families"``, ``"funnel"``, ``"one funnel"``, ``"binary tasks"`` or
            ``"thresholds"`` of numbers at which labels change.
        of: The option.

    Raises:
        SpaceError: There is no such property.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Choice, Float, Needs
        >>> calibrator = Choice((0.0, Needs("funnel", Float(0.03, 3.0, log=True))))
        >>> space = mn.SearchSpace("calibrated", {"design": {"losses": {"calibrator": calibrator}}})
        >>> space.for_schema(mn.load_dataset("synthetic-mmoe").schema).size()  # its tasks form no funnel
        1
    """

    what: str
    of: Tree

    def __post_init__(self) -> None:
        if self.what not in REQUIREMENTS:
            raise SpaceError(f"an option needs one of {', '.join(REQUIREMENTS)}, got {self.what!r}")
