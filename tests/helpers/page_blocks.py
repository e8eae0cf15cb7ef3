"""The pages of the documentation and their fenced blocks."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md")
NOT_RUN = "# not run here"  # the first line of a block that needs what a test has not
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTINUES = re.compile(r"<!-- continues: (\S+) -->")

DRIVER = """
import json, subprocess, sys
names = {"__name__": "page"}
for block in json.load(open(sys.argv[1])):
    print(f"--- {block['place']}", flush=True)
    if block["language"] == "bash":
        subprocess.run(["bash", "-euo", "pipefail", "-c", block["text"]], check=True)
    else:
        exec(compile("\\n" * block["line"] + block["text"], block["place"], "exec"), names)
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of its fence."""

    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def runs(self) -> bool:
        return self.language in ("bash", "python") and not self.text.startswith(NOT_RUN)


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    matches = BLOCK.finditer(text)
    return [Block(page, match[1], match[2], text[: match.start()].count("\n") + 1) for match in matches]


def continued(page: Path) -> Path | None:
    """The page in whose folder this page goes on."""
    match = CONTINUES.search(page.read_text(encoding="utf-8"))
    return ROOT / "docs" / match[1] if match else None


def run_page(page: Path, folder: Path) -> str:
    """Run the blocks of a page from top to bottom in one folder; give what they wrote to standard error."""
    runnable = [
        {"language": block.language, "text": block.text, "line": block.line, "place": str(block)}
        for block in blocks(page)
        if block.runs
    ]
    (folder / "blocks.json").write_text(json.dumps(runnable), encoding="utf-8")
    (folder / "driver.py").write_text(DRIVER, encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    process = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning:__main__", "driver.py", "blocks.json"],
        cwd=folder,
        env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == 0, f"{process.stdout[-4000:]}\n{process.stderr[-4000:]}"
    return process.stderr


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to, dirs_exist_ok=True))
