"""Files of YAML and JSON as plain trees, which are checked before anything is made of them."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from mtl_nas.errors import MtlNasError
from mtl_nas.files import refuse_special_file
from mtl_nas.yaml_text import MOST_CHARACTERS, load_yaml

DEEPEST = 100  # levels of mappings and lists; the deepest files of this package have about 15
LARGEST_BITS = 1023  # of a whole number, so that it can become a float
UNPAIRED = re.compile("[\ud800-\udfff]")  # halves of characters, which JSON can spell and no file can hold


def read_tree(path: Path, error: type[MtlNasError] = MtlNasError) -> Any:
    """Read a YAML or JSON file; the error names the file and what is wrong, where possible with the line."""
    try:
        refuse_special_file(path, error)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"no file '{path}'") from None
    except IsADirectoryError:
        raise error(f"'{path}' is a folder, expected a YAML or JSON file") from None
    except UnicodeDecodeError:
        raise error(f"'{path}' is not UTF-8 text") from None
    except (OSError, ValueError) as problem:  # ValueError: a path with a null character
        raise error(f"'{path}' cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    is_json = path.suffix == ".json"
    if not is_json and len(text) > MOST_CHARACTERS:
        raise error(f"{path}: a YAML file has at most {MOST_CHARACTERS:,} characters, got {len(text):,}")
    try:
        return json_tree(text) if is_json else checked(load_yaml(text))
    except json.JSONDecodeError as problem:
        raise error(f"{path}: not JSON: line {problem.lineno}: {problem.msg}") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(problem, "problem", None) or getattr(problem, "reason", "cannot be read")
        raise error(f"{path}: not YAML: {line}{reason}") from None
    except ValueError as problem:
        raise error(f"{path}: {problem}") from None


def json_tree(text: str | bytes) -> Any:
    """Read a JSON text.

    Raises:
        ValueError: The text is no JSON, or ``checked`` refuses its tree.
    """
    try:
        tree = json.loads(text)
    except RecursionError:
        raise ValueError(f"mappings and lists are nested more than {DEEPEST} levels deep") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError as problem:
        raise ValueError(_reason(problem)) from None
    return checked(tree)


def checked(tree: Any) -> Any:
    """Return the tree, or raise a ValueError if it is too deep, or has a value that nothing can hold."""
    level, nodes = 0, [tree]
    while nodes:
        level += 1
        if level > DEEPEST:
            raise ValueError(f"mappings and lists are nested more than {DEEPEST} levels deep")
        below: list[Any] = []
        for node in nodes:
            if isinstance(node, dict):
                below.extend(node)
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
            elif isinstance(node, str):
                if UNPAIRED.search(node):
                    raise ValueError(f"a text holds half a character: {node[:40]!a}")
            elif isinstance(node, int) and node.bit_length() > LARGEST_BITS:
                raise ValueError(f"a number is below 2^{LARGEST_BITS}, got one of {node.bit_length():,} bits")
        nodes = below
    return tree


def _reason(problem: ValueError) -> str:
    """The reason of ``json.loads``; it refuses whole numbers of more than 4,300 digits with advice on Python."""
    return "a number has too many digits" if "digits" in str(problem) else str(problem)
