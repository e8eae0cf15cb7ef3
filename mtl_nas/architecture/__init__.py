"""The graph of one model."""

from mtl_nas.architecture.graph import Architecture
from mtl_nas.architecture.node import Head, Node, NodeRole
from mtl_nas.architecture.schema_check import refuse_mismatch

__all__ = ["Architecture", "Head", "Node", "NodeRole", "refuse_mismatch"]
