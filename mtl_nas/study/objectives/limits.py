"""Limits of what a design costs, and the one that holds where nobody sets it.

Without it a few draws of a wide space take most of the time, and win nothing (docs/explanation/search.md).
"""

from collections.abc import Mapping

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.presets import compatible_presets
from mtl_nas.record.events import Proposed
from mtl_nas.space import SearchSpace

MOST = 5  # times the operations of the largest preset that fits, or of the space's default if that is larger


def with_default(limits: Mapping[str, float], space: SearchSpace, schema: Schema) -> dict[str, float]:
    """Those that are given, and the most operations a row of a space for this schema."""
    if "macs" in limits:
        return dict(limits)
    designs = [*compatible_presets(schema).designs.values(), space.default().design]
    return {**limits, "macs": float(MOST * max(compose(design, schema).macs for design in designs))}


def excess(costs: Architecture | Proposed, limits: Mapping[str, float]) -> str | None:
    """Which limit is passed, of those that can be counted."""
    for name, count in (("parameters", costs.parameters), ("macs", costs.macs)):
        most = limits.get(name)
        if most is not None and count > most:
            return f"{count:,} {name}, above the limit of {most:,.0f}"
    return None


def said(limits: Mapping[str, float]) -> list[str]:
    """A line each."""
    return [
        f"no design above {most:,.10g} {cost} is trained; --limits {cost}=N sets another"
        for cost, most in limits.items()
    ]
