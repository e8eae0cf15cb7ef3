"""The reference page of the presets: its table is that of the functions, its YAML blocks are the presets' designs."""

import re
from pathlib import Path

import pytest
import yaml
from numpy_reference import schema_of

from mtl_nas.presets import PRESETS, PresetDescription, descriptions, preset
from mtl_nas.space import read_space

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "models.md").read_text(encoding="utf-8")
SCHEMA = schema_of("click@use", "buy<click@use", "pay<buy@money", categories=(4,), histories=((5, 3),))
SECTIONS = dict(re.findall(r"^## (`[^\n]*`)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))


def section_of(name: str) -> str:
    return next(text for title, text in SECTIONS.items() if f"`{name}`" in title)


@pytest.mark.parametrize("described", descriptions(), ids=lambda described: described.name)
def test_the_table_of_the_page_says_what_the_functions_say(described: PresetDescription) -> None:
    name, paper, summary, sizes, needs = described
    rows = [row for row in PAGE.splitlines() if row.startswith(f"| [`{name}`](#")]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    assert [row[1:] for row in cells] == [[summary, paper, f"`{sizes}`", needs]]


@pytest.mark.parametrize("name", PRESETS)
def test_the_yaml_of_the_page_is_the_preset(name: str) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", section_of(name), flags=re.DOTALL)
    tree = yaml.safe_load(block)
    tree["design"].setdefault("inputs", {})["numbers"] = "auto"  # the page says so of all presets
    if name == "omoe":  # the comment of the block says so
        tree["design"]["levels"][0]["mixing"]["placement"] = "all"
    if name == "cgc":
        del tree["design"]["levels"][1]
    assert read_space(tree, name).default().design == preset(name, SCHEMA)


def test_every_preset_is_held_against_other_code_or_the_page_says_why_not() -> None:
    _, table = PAGE.split("## Held against\n")
    assert all(f"`{name}`" in table for name in PRESETS)
