"""Random search."""

from collections.abc import Sequence

from mtl_nas.space import Random, SearchSpace
from mtl_nas.study.samplers.observations import Observation
from mtl_nas.study.samplers.registry import Suggestion, register


@register("random", learns=False)
def random_draw(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """An independent draw."""
    return Suggestion.drawn(space, Random(seed), "random")
