"""Whether two graphs are the same but for names, by networkx: what the canonical key is held against."""

from collections import Counter
from typing import Any

import networkx as nx
from networkx.algorithms.isomorphism import MultiDiGraphMatcher

Graph = nx.MultiDiGraph


def isomorphic(first: Graph, second: Graph) -> bool:
    return bool(matcher(first, second).is_isomorphic())


def matcher(first: Graph, second: Graph) -> MultiDiGraphMatcher:
    """VF2, with the multiset of roles between two nodes (networkx's own matcher compares sets)."""

    def same_node(a: dict[str, Any], b: dict[str, Any]) -> bool:
        return a == b

    def same_edges(a: dict[int, dict[str, str]], b: dict[int, dict[str, str]]) -> bool:
        return Counter(edge["role"] for edge in a.values()) == Counter(edge["role"] for edge in b.values())

    return MultiDiGraphMatcher(first, second, same_node, same_edges)
