"""The graph of one model."""

from mtl_nas.architecture.graph import Architecture, Head, Node

__all__ = ["Architecture", "Head", "Node"]
