"""Canonical identity: equal for graphs that compute the same by structure alone.

Colours are refined by the roles and colours of predecessors and, separately, of successors. Where a colour class still
holds nodes with different neighbours, one node after the other is individualised and the least encoding is taken. So
the key is exact, which plain Weisfeiler-Lehman hashing is not. Experts of one group are exchangeable; tasks, columns,
levels and weights that several nodes share are labelled. ``a1`` names this algorithm: a changed one needs a new prefix.
"""

import json
from collections import Counter, defaultdict
from hashlib import blake2b
from typing import Any

import networkx as nx

Colours = dict[str, str]
Edges = dict[str, list[tuple[str, str]]]


def canonical_key(graph: "nx.MultiDiGraph[str]") -> str:
    """Return ``a1:`` and 32 hexadecimal digits, from attributes of nodes and roles of edges but not names of nodes."""
    labels = {name: _digest(_plain(attributes)) for name, attributes in graph.nodes(data=True)}
    reads: Edges = {
        name: [(data["role"], source) for source, _, data in graph.in_edges(name, data=True)] for name in graph
    }
    feeds: Edges = {
        name: [(data["role"], target) for _, target, data in graph.out_edges(name, data=True)] for name in graph
    }
    return "a1:" + blake2b(_encoding(labels, labels, reads, feeds).encode(), digest_size=16).hexdigest()


def _encoding(labels: Colours, colours: Colours, reads: Edges, feeds: Edges) -> str:
    colours = _refine(colours, reads, feeds)
    classes: dict[str, list[str]] = defaultdict(list)
    for name, colour in colours.items():
        classes[colour].append(name)
    unclear = [members for members in classes.values() if not _are_twins(members, reads, feeds)]
    if unclear:
        members = min(unclear, key=lambda names: (len(names), colours[names[0]]))
        different: list[str] = []  # one member of each set of exchangeable ones, as all of a set give one encoding
        for name in members:
            if not any(_exchangeable(name, other, colours, reads, feeds) for other in different):
                different.append(name)
        marked = ({**colours, name: _digest(["chosen", colours[name]])} for name in different)
        return min(_encoding(labels, individualised, reads, feeds) for individualised in marked)
    order = sorted(colours, key=lambda name: colours[name])
    index_of = {name: index for index, name in enumerate(order)}
    edges = sorted((index_of[source], index_of[name], role) for name in order for role, source in reads[name])
    return json.dumps([[labels[name] for name in order], edges])


def _refine(colours: Colours, reads: Edges, feeds: Edges) -> Colours:
    while True:
        finer = {
            name: _digest(
                [
                    colour,
                    sorted((role, colours[source]) for role, source in reads[name]),
                    sorted((role, colours[target]) for role, target in feeds[name]),
                ]
            )
            for name, colour in colours.items()
        }
        if len(set(finer.values())) == len(set(colours.values())):
            return finer
        colours = finer


def _are_twins(members: list[str], reads: Edges, feeds: Edges) -> bool:
    """Return whether all members have the same neighbours, so that any order of them encodes the same graph."""
    first = members[0]
    return all(
        Counter(reads[name]) == Counter(reads[first]) and Counter(feeds[name]) == Counter(feeds[first])
        for name in members
    )


def _exchangeable(name: str, other: str, colours: Colours, reads: Edges, feeds: Edges) -> bool:
    """Return whether two nodes, each with the nodes that it alone reads or feeds, can be exchanged in the graph.

    Gates that each feed one expert are exchanged together with their experts. A missed exchange costs time only.
    """
    image: dict[str, str] = {}
    pairs = [(name, other)]
    while pairs:
        first, second = pairs.pop()
        if image.get(first, second) != second or image.get(second, first) != first:
            return False
        if first in image or first == second:
            continue
        image |= {first: second, second: first}
        for edges in (reads, feeds):
            first_edges, second_edges = Counter(edges[first]), Counter(edges[second])
            left, right = (
                sorted((role, colours[name], name) for role, name in rest.elements())
                for rest in (first_edges - second_edges, second_edges - first_edges)
            )
            if [edge[:2] for edge in left] != [edge[:2] for edge in right]:
                return False
            pairs += [(own[2], other[2]) for own, other in zip(left, right, strict=True)]
    return all(
        Counter((role, image.get(end, end)) for role, end in edges[start]) == Counter(edges[image[start]])
        for start in image
        for edges in (reads, feeds)
    )


def _plain(attributes: dict[str, Any]) -> list[Any]:
    tied = attributes.get("tied")
    return [attributes["block"], attributes["heads"], *([tied] if tied else [])]


def _digest(value: object) -> str:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()
