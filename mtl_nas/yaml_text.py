"""YAML without surprises: ``no`` is a word, ``0042`` is a text, and a repeated key is an error."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

RULES = {  # tag -> pattern of its values in YAML 1.2, and the characters with which they begin
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(0|[1-9][\d_]*)", "-+0123456789"),
    "float": (
        r"[-+]?(\d[\d_]*\.[\d_]*|\.\d[\d_]*)([eE][-+]\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
}
PREFIX = "tag:yaml.org,2002:"
MOST_CHARACTERS = 16_000_000  # of a text; YAML takes about a second and 50 MB of memory per million
MOST_NODES = 1_000_000  # of a tree, in which each alias counts as what it stands for


class _Loader(yaml.SafeLoader):
    """The safe loader, in which only true and false are booleans, and numbers have no leading zeros and no colons.

    These are the rules of YAML 1.2. Those of YAML 1.1 make a label ``no`` false, ``0042`` 34 and ``12:30`` 750.
    """

    def get_single_node(self) -> yaml.Node | None:
        """Read the nodes of the text, and refuse aliases that never end or that stand for too much."""
        node = super().get_single_node()
        if node is not None:
            _refuse_endless(node)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make the object of a node; a value that does not fit its tag, such as the day 2024-02-30, has a line."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise yaml.constructor.ConstructorError(
                problem=f"'{node.value:.40}' is no {node.tag.removeprefix(PREFIX)}"
                if isinstance(node, yaml.ScalarNode)
                else f"a value does not fit its tag {node.tag.removeprefix(PREFIX)}",
                problem_mark=node.start_mark,
            ) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping, or raise an error with the line of a repeated key."""
        first: dict[Any, yaml.Node] = {}
        pairs = node.value if isinstance(node, yaml.MappingNode) else []  # else the safe loader refuses the node
        for key_node, _ in pairs:
            if key_node.tag == f"{PREFIX}merge" or not isinstance(key_node, yaml.ScalarNode):
                continue
            key = self.construct_object(key_node)
            if key in first:
                line = first[key].start_mark.line + 1
                raise yaml.constructor.ConstructorError(
                    problem=f"the key '{key}' stands twice, first in line {line}; a key stands once",
                    problem_mark=key_node.start_mark,
                )
            first[key] = key_node
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    start: [(tag, pattern) for tag, pattern in resolvers if tag.removeprefix(PREFIX) not in RULES]
    for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_pattern, _starts) in RULES.items():
    _Loader.add_implicit_resolver(f"{PREFIX}{_name}", re.compile(f"^({_pattern})$"), list(_starts))


def _refuse_endless(root: yaml.Node) -> None:
    """Raise an error with a line if an alias lies within what it stands for, or if aliases make the tree too large."""
    sizes: dict[int, int] = {}  # of nodes, what their aliases stand for included; 0 while a node is open

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 0
            parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
            sizes[id(node)] = 1 + (0 if isinstance(node, yaml.ScalarNode) else sum(map(size, parts)))
        elif sizes[id(node)] == 0:
            raise yaml.composer.ComposerError(
                problem="an alias stands within what it stands for", problem_mark=node.start_mark
            )
        if sizes[id(node)] > MOST_NODES:
            raise yaml.composer.ComposerError(
                problem=f"aliases make a tree of more than {MOST_NODES:,} values", problem_mark=node.start_mark
            )
        return sizes[id(node)]

    size(root)


def load_yaml(text: str) -> Any:
    """Read a YAML text; a ``yaml.YAMLError`` is raised if it is not valid.

    >>> load_yaml("{positive: no, order: [off, on], code: 0042, at: 12:30, count: 42, wide: true}")
    {'positive': 'no', 'order': ['off', 'on'], 'code': '0042', 'at': '12:30', 'count': 42, 'wide': True}
    """
    try:
        return yaml.load(text, _Loader)  # a subclass of the safe loader
    except RecursionError:
        raise yaml.MarkedYAMLError(problem="mappings and lists are nested too deep") from None
