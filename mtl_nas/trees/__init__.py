"""Boosted trees, one model per task, as a bar for networks: LightGBM, and CatBoost where it is installed."""

from mtl_nas.trees.boosted import (
    LIBRARIES,
    BoostedTrees,
    Library,
    best_trees,
    boosted_trees,
    installed_libraries,
)
from mtl_nas.trees.kept import kept_or_trained

__all__ = [
    "LIBRARIES",
    "BoostedTrees",
    "Library",
    "best_trees",
    "boosted_trees",
    "installed_libraries",
    "kept_or_trained",
]
