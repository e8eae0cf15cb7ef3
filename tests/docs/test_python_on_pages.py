"""What pages say of the Python API is what the code has: names, keywords of calls, tables of options."""

import ast
import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
from page_blocks import PAGES, ROOT, blocks

import mtl_nas as mn
from mtl_nas.data.builtin.registry import builtin_names
from mtl_nas.data.tasks.kinds import KINDS
from mtl_nas.design.losses import Aggregation, Weighting
from mtl_nas.space import space_names
from mtl_nas.study.samplers import SAMPLERS

API = sorted((ROOT / "docs" / "reference" / "api").glob("*.md"))
PYTHON = [(page, [block.text for block in blocks(page) if block.language == "python"]) for page in PAGES]
TODAY = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which names what was
SUBMODULES = {path.stem for path in (ROOT / "mtl_nas").iterdir()}  # mn.space, mn.blocks: packages with public names


def calls(code: str) -> list[tuple[str, ast.Call]]:
    """Calls of public names, ``mn.name(...)``."""
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    functions = [(node.func, node) for node in nodes if isinstance(node.func, ast.Attribute)]
    return [
        (ast.unparse(function).removeprefix("mn."), node)
        for function, node in functions
        if ast.unparse(function.value) == "mn"
    ]


@pytest.mark.parametrize(
    ("page", "codes"), [pair for pair in PYTHON if pair[1]], ids=lambda part: getattr(part, "stem", "")
)
def test_a_call_on_a_page_has_the_keywords_of_the_function(page: Path, codes: list[str]) -> None:
    for name, call in (pair for code in codes for pair in calls(code)):
        parameters = inspect.signature(getattr(mn, name)).parameters.values()
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            continue
        assert {keyword.arg for keyword in call.keywords} <= {parameter.name for parameter in parameters}, name
        positional = [parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        assert len(call.args) <= len(positional), name


@pytest.mark.parametrize("page", TODAY, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_nothing_that_is_not_public(page: Path) -> None:
    names = re.findall(r"\bmn\.([A-Za-z]\w*)", page.read_text(encoding="utf-8"))
    assert [name for name in names if name not in mn.__all__ and name not in SUBMODULES] == []


def test_every_public_name_is_in_the_api_reference_once() -> None:
    names = [name for page in API for name in re.findall(r"^::: mtl_nas\.(\w+)$", page.read_text(), re.MULTILINE)]
    assert sorted(names) == sorted(mn.__all__)


@pytest.mark.parametrize("name", mn.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    documentation = inspect.getdoc(getattr(mn, name)) or ""
    assert len(documentation.split()) > 3


REFERENCE, EXPLANATION = ROOT / "docs" / "reference", ROOT / "docs" / "explanation"
NAMED = {
    "task kinds": (REFERENCE / "tasks-and-data.md", list(KINDS)),
    "losses of tasks": (REFERENCE / "tasks-and-data.md", [loss for kind in KINDS.values() for loss in kind.losses]),
    "data sets": (REFERENCE / "data-sets.md", list(builtin_names())),
    "samplers": (REFERENCE / "search-options.md", [name for name in SAMPLERS if "." not in name]),
    "presets": (REFERENCE / "models.md", list(mn.preset_names())),
    "spaces": (REFERENCE / "spaces.md", list(space_names())),
    "weightings": (EXPLANATION / "losses.md", list(get_args(Weighting))),
    "aggregations": (EXPLANATION / "losses.md", list(get_args(Aggregation))),
}


@pytest.mark.parametrize(("page", "names"), NAMED.values(), ids=NAMED)
def test_a_page_names_every_member_of_a_registry(page: Path, names: list[str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "<!-- table: " in page.read_text()], ids=lambda page: page.stem
)
def test_the_tables_of_a_page_are_those_of_the_code(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_generate"))
    from tables import with_tables

    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "the tables are written anew by: make tables"
