"""Torch modules of an architecture."""

from mtl_nas.model.activations import Features
from mtl_nas.model.network import Network, build

__all__ = ["Features", "Network", "build"]
