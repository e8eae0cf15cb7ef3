"""The encodings of each number of a schema, by what its values look like in the train rows."""

from typing import Literal

from mtl_nas.blocks import NumberEncodings
from mtl_nas.data import Number, Schema, histogram_of
from mtl_nas.design import Encodings, NumberGroups, Numbers
from mtl_nas.errors import DesignError

Group = Literal["spiky", "heavy", "smooth"]

SPIKY_SHARE = 0.1  # of the train rows that have one value, from which on a number is spiky
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


def group_of(number: Number) -> Group:
    """What the values of a number look like in the train rows."""
    rows, quantiles = histogram_of(number).rows, number.quantiles
    last = len(quantiles) - 1
    lower, middle, upper = (quantiles[round(last * share)] for share in (0.25, 0.5, 0.75))
    if max(rows) / sum(rows) >= SPIKY_SHARE:
        return "spiky"
    farthest = max(quantiles[-1] - middle, middle - quantiles[0])
    return "heavy" if farthest > HEAVY_TAIL * (upper - lower) else "smooth"


def _encodings(numbers: Numbers, number: Number) -> NumberEncodings:
    by_group = NumberGroups() if numbers == "auto" else numbers
    own: Encodings = getattr(by_group, group_of(number)) if isinstance(by_group, NumberGroups) else by_group
    return (own,) if isinstance(own, str) else tuple(own)
