"""Training one architecture."""

from mtl_nas.training.fit import Check, DivergedError, Fit

__all__ = ["Check", "DivergedError", "Fit"]
