"""The pages of the documentation: their blocks run as a newcomer would type them, and their links lead somewhere."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from page_blocks import PAGES, ROOT, Block, blocks, continued, copied, run_page

from mtl_nas.data.declaration import declaration
from mtl_nas.exports import load_model
from mtl_nas.settings import SearchSettings
from mtl_nas.space import load_space, space_names

TOUR = ROOT / "docs" / "tutorial" / "own-table.md"
RUNNABLE = [page for page in PAGES if any(block.runs for block in blocks(page)) and page != TOUR]
YAML_BLOCKS = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]
PATHS = re.compile(r"`((?:mtl_nas|tests|docs|benchmarks|examples|search_spaces|\.ci|\.github)/[\w./-]*)`")


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


def turn(page: Path) -> int:
    """Return when a page starts: the README, which is long, first; pages that continue the tutorial, last."""
    return 0 if page.name == "README.md" else 3 if continued(page) else 2


@pytest.fixture(scope="session")
def tour(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> tuple[Path, str]:
    """The folder that the tutorial leaves, and what its commands wrote to standard error; made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "tour"
    errors = folder.with_suffix(".txt")
    with FileLock(folder.with_suffix(".lock")):
        if not errors.exists():
            folder.mkdir()
            errors.write_text(run_page(TOUR, folder), encoding="utf-8")
    return folder, errors.read_text(encoding="utf-8")


@pytest.mark.ray(turn=0)
def test_a_newcomer_can_follow_the_tutorial_from_top_to_bottom(tour: tuple[Path, str]) -> None:
    folder, errors = tour
    assert load_model(folder / "runs/shop/best").tasks == ("click", "buy", "spent")
    assert errors.count("starting Ray ...") == 1  # the command says so, the library does not
    assert (folder / "model-onnx/model.onnx").exists()
    assert len((folder / "scores.csv").read_text().splitlines()) == 101


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.ray(turn=turn(page)), id=shown(page)) for page in RUNNABLE]
)
def test_the_blocks_of_a_page_run_from_top_to_bottom(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if continued(page) is not None:
        assert continued(page) == TOUR
        copied(request.getfixturevalue("tour")[0], tmp_path)
    run_page(page, tmp_path)


@pytest.mark.parametrize("block", YAML_BLOCKS, ids=str)
def test_every_yaml_block_is_a_search_file_or_a_space(block: Block) -> None:
    tree = yaml.safe_load(block.text)
    assert isinstance(tree, Mapping)
    if {"design", "training", "about"} & set(tree):
        load_space(tree)
        return
    declaration(tree, str(block))
    SearchSettings.model_validate(tree.get("search", {}))
    space = tree.get("space", "everything")
    assert space in space_names() or isinstance(space, Mapping) or space.endswith(".yaml")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=shown)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    paths = PATHS.findall(page.read_text(encoding="utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    navigation = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert {shown(page).removeprefix("docs/") for page in PAGES if page.is_relative_to(ROOT / "docs")} <= set(
        navigation
    )
