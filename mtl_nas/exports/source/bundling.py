"""The source of functions and classes with all that they use of this library, for a file that stands alone."""

import ast
import inspect
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

OWN = "mtl_nas"


class Bundle(NamedTuple):
    """Lines of imports, and definitions in an order in which each uses earlier ones."""

    imports: tuple[str, ...]
    definitions: tuple[str, ...]


def bundled(objects: Iterable[Any], *, leave_out: Collection[str] = ()) -> Bundle:
    """The source of functions and classes of this library, and of what they use of it; imports of the rest.

    ``leave_out``: names that the file defines otherwise.
    """
    imports: dict[str, None] = {}
    definitions: dict[tuple[str, int], str] = {}
    for entry in objects:
        _add(sys.modules[entry.__module__], entry.__name__, imports, definitions, leave_out)
    return Bundle(tuple(sorted(imports)), tuple(filter(None, definitions.values())))


def _add(
    module: ModuleType,
    name: str,
    imports: dict[str, None],
    definitions: dict[tuple[str, int], str],
    leave_out: Collection[str],
) -> None:
    """Add what a name means in a module, after all that it uses."""
    statement = _statements(module).get(name)
    if statement is None or (module.__name__, statement.lineno) in definitions:
        return
    if isinstance(statement, ast.Import | ast.ImportFrom):
        _add_import(statement, name, imports, definitions, leave_out)
        return
    key = (module.__name__, statement.lineno)
    definitions[key] = ""  # so that a function that calls itself is added once
    for used in _names(statement):
        if used != name:
            _add(module, used, imports, definitions, leave_out)
    del definitions[key]
    definitions[key] = "" if name in leave_out else _source(module, statement)


def _add_import(
    statement: ast.Import | ast.ImportFrom,
    name: str,
    imports: dict[str, None],
    definitions: dict[tuple[str, int], str],
    leave_out: Collection[str],
) -> None:
    alias = next(alias for alias in statement.names if (alias.asname or alias.name).split(".")[0] == name)
    if isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] == OWN:
        _add(sys.modules[str(statement.module)], alias.name, imports, definitions, leave_out)
        return
    renamed = f" as {alias.asname}" if alias.asname else ""
    if isinstance(statement, ast.ImportFrom):
        imports[f"from {statement.module} import {alias.name}{renamed}"] = None
    else:
        imports[f"import {alias.name}{renamed}"] = None


@cache
def _statements(module: ModuleType) -> dict[str, ast.stmt]:
    """What defines each name of a module."""
    statements: dict[str, ast.stmt] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        for name in _defined(statement):
            statements[name] = statement
    return statements


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).split(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign):
        yield from (name.id for target in statement.targets for name in ast.walk(target) if isinstance(name, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def _names(statement: ast.stmt) -> list[str]:
    """Names that a statement reads, in the order of the text; those in annotations between quotes, too."""
    names = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            names.append(node.value)
    return list(dict.fromkeys(names))


def _source(module: ModuleType, statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    lines = inspect.getsource(module).splitlines()[first - 1 : statement.end_lineno]
    return "\n".join(lines)
