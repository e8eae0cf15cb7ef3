"""Readers of architectures that older versions wrote."""

from collections.abc import Mapping
from typing import Any

ROLES_OF_PREFIXES = {"task_embedding/": "task_embedding", "critic/": "critics", "critics/": "critics"}


def with_roles(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the role of each node to the mapping of a file; up to 0.1.0 the first part of a node's name gave it."""
    nodes = tree.get("nodes")
    return {**tree, "nodes": [_with_role(node) for node in nodes]} if isinstance(nodes, list | tuple) else tree


def _with_role(node: Any) -> Any:
    if not isinstance(node, Mapping) or "role" in node:
        return node
    prefix, slash, _ = str(node.get("name", "")).partition("/")
    role = ROLES_OF_PREFIXES.get(prefix + slash)
    return {**node, "role": role} if role else node
