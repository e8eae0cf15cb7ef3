"""Torch modules of an architecture."""

from mtl_nas.model.network import Network, build
from mtl_nas.model.states import Features

__all__ = ["Features", "Network", "build"]
