"""What a trained network shows about its sharing, as it stands in a record: plain numbers by node and task."""

from mtl_nas.values import Value

CARRIED = 0.9  # of the whole weight
IDLE = 0.1  # of an equal share: what gets less counts as not used
NOTABLE = 0.05  # a cosine nearer to zero has no word


class Mixture(Value):
    """A gate, stitch or route, and what it gives each node that it mixes.

    ``weights`` are means over rows; of a route, how far each connection is open. Entropies are those of the weights'
    shares, relative to log E: 1 where all E weigh the same, 0 where one has everything; ``entropy`` is that of the mean
    shares, ``row_entropy`` the mean over rows. Without a second node, and of a route, there is none.
    """

    node: str
    kind: str  # of gate, or stitch, or route
    tasks: tuple[str, ...]  # that it serves
    weights: dict[str, float]
    own: str = ""  # of a stitch, the task's own state
    entropy: float | None = None
    row_entropy: float | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """What gets at least a tenth of an equal share."""
        bar = IDLE / len(self.weights)
        return tuple(name for name, weight in self.weights.items() if abs(weight) >= bar)

    @property
    def carrying(self) -> int:
        """How many nodes, the heaviest first, carry 90 % of the whole weight.

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
    """Hidden units of an expert or a tower with relu: shares of 1."""

    node: str
    units: int
    dead: float  # zero on every row
    zero: float  # of all activations, HoME's zero rate


class Agreement(Value):
    """The cosine between two tasks' gradients by what they share; None where they share nothing that both train.

    ``lowest`` and ``highest`` are those of all rows and of each quarter of them.
    """

    tasks: tuple[str, str]
    cosine: float | None = None
    lowest: float | None = None
    highest: float | None = None

    @property
    def word(self) -> str:
        """``conflict`` or ``aligned``, where every quarter of the rows has that sign.

        >>> Agreement(tasks=("click", "buy"), cosine=-0.3, lowest=-0.4, highest=-0.1).word
        'conflict'
        """
        if self.cosine is None or self.lowest is None or self.highest is None or abs(self.cosine) < NOTABLE:
            return ""
        return "conflict" if self.highest < 0 else "aligned" if self.lowest > 0 else ""


class Diagnosis(Value):
    """What became of the sharing in one trained network, seen on some rows."""

    rows: int
    mixtures: tuple[Mixture, ...] = ()
    unused: tuple[str, ...] = ()  # nodes whose output reaches no head
    narrowed: dict[str, str] = {}  # nodes that several tasks could use and one does: that task
    activity: tuple[Activity, ...] = ()
    gradients: tuple[Agreement, ...] = ()  # one a pair of tasks

    def cosine(self, one: str, other: str) -> float | None:
        """Between two tasks' gradients, in either order."""
        return next((pair.cosine for pair in self.gradients if set(pair.tasks) == {one, other}), None)

    @property
    def dead(self) -> float | None:
        """Share of all hidden relu units that are dead."""
        return _share([(part.dead, part.units) for part in self.activity])

    @property
    def zero(self) -> float | None:
        """Share of all hidden relu activations that are zero."""
        return _share([(part.zero, part.units) for part in self.activity])


def _share(parts: list[tuple[float, int]]) -> float | None:
    units = sum(count for _, count in parts)
    return sum(share * count for share, count in parts) / units if units else None
