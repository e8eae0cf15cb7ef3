"""Upper limits on the costs of a design, and the default limit on macs.

Without a limit, a few large designs of a wide space take most of the time and do not win (docs/explanation/search.md).
"""

from collections.abc import Mapping

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design
from mtl_nas.presets import compatible_presets
from mtl_nas.record import Proposed, Trial
from mtl_nas.settings import COSTS
from mtl_nas.space import SearchSpace
from mtl_nas.study.objectives.objective import BASELINE

DEFAULT_MACS_FACTOR = 5  # the default limit over the most macs of a compatible preset or the space's default design


def limits_with_default(limits: Mapping[str, float], space: SearchSpace, schema: Schema) -> dict[str, float]:
    """The limits, with the default for macs if it is not among them."""
    if "macs" in limits:
        return dict(limits)
    designs = [*compatible_presets(schema)[0].values(), space.default().design]
    return {**limits, "macs": float(DEFAULT_MACS_FACTOR * max(compose(design, schema).macs for design in designs))}


def excess(costs: Architecture | Proposed, limits: Mapping[str, float]) -> str | None:
    """The first limit on parameters or macs that is exceeded, in words; None if none is. Latency is not checked."""
    for name, count in (("parameters", costs.parameters), ("macs", costs.macs)):
        limit = limits.get(name)
        if limit is not None and count > limit:
            return f"{count:,} {name}, above the limit of {limit:,.0f}"
    return None


def within(limits: Mapping[str, float], trial: Trial) -> bool:
    """Whether all costs of a trial, latency included, are within the limits."""
    return all(getattr(trial, name) <= limits[name] for name in COSTS if name in limits)


def presets_within(limits: Mapping[str, float], presets: Mapping[str, Design], schema: Schema) -> dict[str, Design]:
    """The presets within the limits, and the baseline in any case, as gains are measured against it."""
    return {
        name: design
        for name, design in presets.items()
        if name == BASELINE or not limits or excess(compose(design, schema), limits) is None
    }


def limit_sentences(limits: Mapping[str, float]) -> list[str]:
    """The limits in words, one sentence each."""
    return [
        f"no design above {limit:,.10g} {cost} is trained; --limits {cost}=N sets another"
        for cost, limit in limits.items()
    ]
