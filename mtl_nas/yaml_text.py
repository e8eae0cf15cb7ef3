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


class _Loader(yaml.SafeLoader):
    """The safe loader, in which only true and false are booleans, and numbers have no leading zeros and no colons.

    These are the rules of YAML 1.2. Those of YAML 1.1 make a label ``no`` false, ``0042`` 34 and ``12:30`` 750.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping, or raise an error with the line of a repeated key."""
        first: dict[Any, yaml.Node] = {}
        for key_node, _ in node.value:
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


def load_yaml(text: str) -> Any:
    """Read a YAML text; a ``yaml.YAMLError`` is raised if it is not valid.

    >>> load_yaml("{positive: no, order: [off, on], code: 0042, at: 12:30, count: 42, wide: true}")
    {'positive': 'no', 'order': ['off', 'on'], 'code': '0042', 'at': '12:30', 'count': 42, 'wide': True}
    """
    return yaml.load(text, _Loader)  # a subclass of the safe loader
