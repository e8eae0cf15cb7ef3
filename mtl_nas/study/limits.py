"""The limit where nobody sets one: without it a few draws of a wide space take most of the time, and win nothing."""

from collections.abc import Mapping

from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.hand_designs import fitting
from mtl_nas.space import SearchSpace

MOST = 5  # times the operations of the largest hand design that fits, or of the space's default if that is larger


def with_default(limits: Mapping[str, float], space: SearchSpace, schema: Schema) -> dict[str, float]:
    """Those that are given, and the most operations a row of a space for this schema."""
    if "operations" in limits:
        return dict(limits)
    designs = [*fitting(schema)[0].values(), space.default().design]
    return {**limits, "operations": float(MOST * max(compose(design, schema).operations for design in designs))}
