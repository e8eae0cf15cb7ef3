"""YAML and JSON of any content end in a tree or in one line, and take neither endless time nor memory."""

import os
from pathlib import Path

import pytest

from mtl_nas.errors import MtlNasError
from mtl_nas.tree_files import read_tree

TENFOLD = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML = {
    "a: &a [*a]": "line 1: an alias stands within what it stands for",
    "a: &a {<<: *a}": "line 1: an alias stands within what it stands for",
    TENFOLD: "aliases make a tree of more than 1,000,000 values",
    "[" * 5000 + "]" * 5000: "nested too deep",
    "{a: " * 150 + "1" + "}" * 150: "nested more than 100 levels deep",
    "x: 1\na: 2024-02-30": "line 2: '2024-02-30' is no timestamp",
    "a: !!int abc": "line 1: 'abc' is no int",
    "a: !!timestamp abc": "line 1: 'abc' is no timestamp",
    "a: !!set [1]": "line 1: expected a mapping node",
    "a: " + "9" * 5000: "is no int",
    "a: " + "9" * 400: "a number is below 2^1023, got one of 1,329 bits",
    "? [a]\n: 1": "found unhashable key",
    "a: \0": "special characters are not allowed",
    '"\\ud800"': r"a text holds half a character: '\ud800'",
    "a: !!python/object/apply:os.system [true]": "could not determine a constructor",
}
JSON = {
    "[" * 100_000: "nested more than 100 levels deep",
    "[" * 101 + "]" * 101: "nested more than 100 levels deep",
    "9" * 5000: "a number has too many digits",
    f"[1{'0' * 309}]": "a number is below 2^1023",
    '{"\\udfff": 1}': "a text holds half a character",
    "": "not JSON: line 1: Expecting value",
}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("a.yaml", *case) for case in YAML.items()] + [("a.json", *case) for case in JSON.items()],
    ids=lambda part: part[:20],
)
def test_a_hostile_text_is_refused_in_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(MtlNasError) as refused:
        read_tree(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_aliases_of_a_tree_of_common_size_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("expert: &e {hidden: [8]}\nlevels: [*e, *e]")
    assert read_tree(path) == {"expert": {"hidden": [8]}, "levels": [{"hidden": [8]}, {"hidden": [8]}]}


def test_what_cannot_be_read_like_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, message in (
        (tmp_path / "pipe.yaml", "is a pipe"),
        (Path("/dev/zero"), "is a device"),
        (tmp_path, "is a folder"),
        (Path("a\0b.yaml"), "cannot be read"),
        (tmp_path / ("n" * 400), "cannot be read"),
    ):
        with pytest.raises(MtlNasError, match=message):
            read_tree(path)
