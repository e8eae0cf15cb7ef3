"""Training one architecture."""

from mtl_nas.training.fit import Check, Diverged, Fit

__all__ = ["Check", "Diverged", "Fit"]
