"""The objectives of a search, and the limits of its designs."""

from mtl_nas.study.objectives.limits import excess, limit_sentences, limits_with_default, presets_within, within
from mtl_nas.study.objectives.objective import BASELINE, Objective

__all__ = ["BASELINE", "Objective", "excess", "limit_sentences", "limits_with_default", "presets_within", "within"]
