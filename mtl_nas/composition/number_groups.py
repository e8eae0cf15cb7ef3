"""The encodings of each number of a schema, by what its values look like in the train rows."""

from typing import Literal, get_args

from mtl_nas.blocks import NumberEncodings
from mtl_nas.data import Number, Schema, histogram_of
from mtl_nas.design import Encodings, NumberGroups, Numbers
from mtl_nas.errors import DesignError

Group = Literal["discrete", "spiky", "heavy", "smooth"]

ROWS_PER_VALUE = 125  # mean train rows of a distinct value, from which on a number is discrete
SPIKY_SHARE = 0.1  # of the train rows that have one value, from which on a number is spiky,
SPIKY_TIMES = 4  # and rows of that value, in those that a distinct value has on average
HEAVY_TAIL = 10.0  # interquartile ranges from the median to the farthest value, from which on a number is heavy-tailed


def encodings_of_numbers(numbers: Numbers, schema: Schema) -> tuple[NumberEncodings, ...]:
    """The encodings of each number, side by side.

    Raises DesignError where all of them ask for thresholds and no number has any.
    """
    each = tuple(_encodings(numbers, number) for number in schema.numbers)
    if any("target" in own for own in each) and not any(number.thresholds for number in schema.numbers):
        raise DesignError(
            "numbers: target needs thresholds at which labels of the train rows change; a table with folds has none, "
            "as every row is held out once: say numbers: piecewise"
        )
    return each


def numbers_by_group(schema: Schema) -> dict[Group, list[str]]:
    """The names of the numbers of each group; groups without a number are left out."""
    groups: tuple[Group, ...] = get_args(Group)
    names = {group: [number.name for number in schema.numbers if group_of(number) == group] for group in groups}
    return {group: members for group, members in names.items() if members}


def group_of(number: Number) -> Group:
    """What the values of a number look like in the train rows."""
    whole, quantiles = histogram_of(number), number.quantiles
    rows = whole.rows
    last = len(quantiles) - 1
    lower, middle, upper = (quantiles[round(last * share)] for share in (0.25, 0.5, 0.75))
    if sum(rows) >= ROWS_PER_VALUE * whole.distinct:
        return "discrete"
    if max(rows) >= sum(rows) * max(SPIKY_SHARE, SPIKY_TIMES / whole.distinct):
        return "spiky"
    farthest = max(quantiles[-1] - middle, middle - quantiles[0])
    return "heavy" if upper > lower and farthest > HEAVY_TAIL * (upper - lower) else "smooth"


def _encodings(numbers: Numbers, number: Number) -> NumberEncodings:
    """Encodings of a number; ``auto`` on a schema of 0.1.0, which fits nothing, is what was the default then."""
    if numbers == "auto":
        numbers = NumberGroups() if number.histogram else "bucket"
    own: Encodings = getattr(numbers, group_of(number)) if isinstance(numbers, NumberGroups) else numbers
    return (own,) if isinstance(own, str) else tuple(own)
