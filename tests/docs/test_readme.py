"""The README from top to bottom, as a newcomer would type it, and every YAML block of the documentation."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from mtl_nas.data.declaration import declaration
from mtl_nas.record import SearchSettings
from mtl_nas.space import load_space, space_names

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md")
NOT_RUN = "# not run here"  # the first line of a block that needs what a test has not
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

DRIVER = """
import json, subprocess, sys
names = {"__name__": "readme"}
for block in json.load(open(sys.argv[1])):
    print(f"--- README.md, line {block['line']}", flush=True)
    if block["language"] == "bash":
        subprocess.run(["bash", "-euo", "pipefail", "-c", block["text"]], check=True)
    else:
        exec(compile("\\n" * block["line"] + block["text"], "README.md", "exec"), names)
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of its fence."""

    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(page, found[1], found[2], text[: found.start()].count("\n") + 1) for found in BLOCK.finditer(text)]


YAML_BLOCKS = [block for page in PAGES if page.exists() for block in blocks(page) if block.language == "yaml"]


@pytest.mark.slow
def test_a_newcomer_can_follow_the_readme_from_top_to_bottom(tmp_path: Path) -> None:
    runnable = [
        {"language": block.language, "text": block.text, "line": block.line}
        for block in blocks(ROOT / "README.md")
        if block.language in ("bash", "python") and not block.text.startswith(NOT_RUN)
    ]
    (tmp_path / "blocks.json").write_text(json.dumps(runnable), encoding="utf-8")
    (tmp_path / "driver.py").write_text(DRIVER, encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "driver.py", "blocks.json"],
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert (tmp_path / "runs/shop/best/model.safetensors").exists()
    assert done.stderr.count("starting Ray ...") == 1  # the command says so, the library does not
    assert (tmp_path / "model-onnx/model.onnx").exists()
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 101


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


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing
