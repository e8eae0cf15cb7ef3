"""The graph of one model: its nodes and heads, its key, and pictures of it."""

from mtl_nas.architecture.difference import differences
from mtl_nas.architecture.graph import Architecture
from mtl_nas.architecture.node import Head, Node, NodeRole
from mtl_nas.architecture.schema_check import refuse_mismatch

__all__ = ["Architecture", "Head", "Node", "NodeRole", "differences", "refuse_mismatch"]
