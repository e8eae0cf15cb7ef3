"""The numbers of a diagnosis: how a trained network uses what its tasks share."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from mtl_nas.values import Value

CARRIED = 0.9  # fraction of the total weight that ``Mixture.carrying`` counts up to
UNUSED = 0.1  # fraction of an equal share below which an input counts as unused
NOTABLE_COSINE = 0.05  # smallest size of a cosine that is called a conflict or an agreement


class Mixture(Value):
    """The weights that a gate, stitch or route gives its inputs, averaged over rows.

    Entropies are those of the weights' shares relative to log E: 1 where all E inputs weigh the same, 0 where one input
    has all the weight. Both are None where there is a single input, and for a route, whose weights do not compete.
    """

    node: str
    kind: str  # a gate's kind, or "stitch", or "route"
    tasks: tuple[str, ...]  # tasks whose predictions depend on the node
    weights: dict[str, float]  # input node -> mean weight; for a route, how far the connection is open
    own: str = ""  # of a stitch: the input that is the state of its own task
    entropy: float | None = None  # entropy of the mean weights
    row_entropy: float | None = None  # entropy of the weights of a row, averaged over rows
    mixed: Literal["experts", "critics"] = "experts"  # the part of the model that the inputs belong to

    @model_validator(mode="before")
    @classmethod
    def _names_of_older_files(cls, tree: Any) -> Any:
        """Add ``mixed`` to files of 0.1.0, where the names of inputs gave it."""
        if not isinstance(tree, Mapping) or "mixed" in tree or not tree.get("weights"):
            return tree
        critics = all(name.startswith("critic/") for name in tree["weights"])
        return {**tree, "mixed": "critics"} if critics else tree

    @property
    def used(self) -> tuple[str, ...]:
        """Inputs whose weight is at least a tenth of an equal share."""
        least = UNUSED / len(self.weights)
        return tuple(name for name, weight in self.weights.items() if abs(weight) >= least)

    @property
    def carrying(self) -> int:
        """The smallest number of inputs that together carry 90 % of the weight.

        >>> Mixture(node="gate", kind="softmax", tasks=(), weights={"a": 0.6, "b": 0.05, "c": 0.35}).carrying
        2
        """
        heaviest = sorted(map(abs, self.weights.values()), reverse=True)
        carried, count = 0.0, 0
        while count < len(heaviest) and carried < CARRIED * sum(heaviest) * (1 - 1e-9):
            carried += heaviest[count]
            count += 1
        return count


class Activity(Value):
    """Hidden relu units of an expert or a tower."""

    node: str
    units: int
    dead: float  # fraction of the units that are zero on every row
    zero: float  # fraction of all activations that are zero; HoME's zero rate


class Agreement(Value):
    """The cosine between two tasks' gradients by the parameters that both train; None if there are none.

    ``lowest`` and ``highest`` are the extremes over all rows and each quarter of them.
    """

    tasks: tuple[str, str]
    cosine: float | None = None
    lowest: float | None = None
    highest: float | None = None

    @property
    def verdict(self) -> str:
        """``conflict`` or ``aligned`` where the cosine has that sign on every quarter of the rows; empty otherwise.

        >>> Agreement(tasks=("click", "buy"), cosine=-0.3, lowest=-0.4, highest=-0.1).verdict
        'conflict'
        """
        if self.cosine is None or self.lowest is None or self.highest is None or abs(self.cosine) < NOTABLE_COSINE:
            return ""
        return "conflict" if self.highest < 0 else "aligned" if self.lowest > 0 else ""


class Diagnosis(Value):
    """How one trained network uses what its tasks share, on some rows."""

    rows: int
    mixtures: tuple[Mixture, ...] = ()
    unused: tuple[str, ...] = ()  # nodes on which no prediction depends
    narrowed: dict[str, str] = {}  # node that several tasks train but one uses -> that task
    activity: tuple[Activity, ...] = ()
    gradients: tuple[Agreement, ...] = ()  # one per pair of tasks

    def cosine(self, first: str, second: str) -> float | None:
        """The cosine between two tasks' gradients, in either order."""
        return next((pair.cosine for pair in self.gradients if set(pair.tasks) == {first, second}), None)

    @property
    def dead(self) -> float | None:
        """The fraction of all hidden relu units that are dead."""
        return _mean_over_units([(part.dead, part.units) for part in self.activity])

    @property
    def zero(self) -> float | None:
        """The fraction of all hidden relu activations that are zero."""
        return _mean_over_units([(part.zero, part.units) for part in self.activity])


def _mean_over_units(parts: list[tuple[float, int]]) -> float | None:
    units = sum(count for _, count in parts)
    return sum(share * count for share, count in parts) / units if units else None
