"""docs/how-to/python.md says what the code takes: every public name is on it, with its parameters and defaults."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import mtl_nas as mn

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "python.md").read_text()
BLOCKS = re.findall(r"^```text\n(.*?)^```", PAGE, re.S | re.M)
CALLS = {
    name: arguments
    for block in BLOCKS
    for name, arguments in re.findall(r"^mn\.(\w+)\((.*?)\)(?: ->|$|  )", block, re.S | re.M)
}
ELLIPSIS = {"encode"}  # whose further keywords the page does not repeat


@pytest.mark.parametrize("name", sorted(set(CALLS) - ELLIPSIS))
def test_a_signature_on_the_page_is_that_of_the_code(name: str) -> None:
    spelled = ast.parse(f"def f({CALLS[name]}): pass").body[0]
    assert isinstance(spelled, ast.FunctionDef)
    arguments = spelled.args
    known = inspect.signature(getattr(mn, name)).parameters
    keywords = [one.arg for one in (*arguments.args, *arguments.kwonlyargs)]
    assert keywords == [one for one in known if known[one].kind is not inspect.Parameter.VAR_KEYWORD]
    positional = dict(zip(reversed(keywords[: len(arguments.args)]), reversed(arguments.defaults), strict=False))
    named = dict(zip(keywords[len(arguments.args) :], arguments.kw_defaults, strict=True))
    for keyword, default in {**positional, **named}.items():
        if default is None:
            assert known[keyword].default is inspect.Parameter.empty
        elif not isinstance(default, ast.Constant) or default.value is not ...:
            said = eval(ast.unparse(default), {"torch": __import__("torch")})
            assert known[keyword].default == said


def test_every_public_name_is_on_the_page() -> None:
    assert [name for name in mn.__all__ if not re.search(rf"\b{name}\b", PAGE)] == []


def test_the_page_names_nothing_that_is_not_public() -> None:
    assert [name for name in re.findall(r"\bmn\.(\w+)", PAGE) if name not in (*mn.__all__, "comparison")] == []
