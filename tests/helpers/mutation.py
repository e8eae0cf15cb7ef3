"""Inputs that are almost right: bytes, words and trees of real files, changed at random by the number of the input."""

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml

WORDS = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\"[^\"\n]*\"|[A-Za-z_]+|[{}\[\]:,]")
TOKENS = (
    *(b"0 -1 1e309 -1e309 NaN Infinity 1e-400 0.1 2147483648 9223372036854775808 true null ~ .nan .inf".split()),
    *(b"[] {} [[]] [{}] [1, 1000000] 0x1F 0o17 1_000 1:30 *a &a !!python/object:os.system !!binary <<: %YAML".split()),
    *(b'"" "\\u0000" "\\ud800" "\\u202e" "=cmd|1" "../../x" "nan" "2024-13-45" "\\u001b[31m"'.split()),
    *(b"," + b"," * 30, b"\n\n", b"\r", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b[2J", b"\xe2\x80\xae", b"\t"),
    b"9" * 400,
    b"9" * 5_000,
    b"[" * 2_000,
    b'{"a":' * 400,
    b"a" * 70_000,
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**310, 0.0, -0.5, 1e-300, 1e300, 1e308),
    *(float("nan"), float("inf"), "", " ", "a", "\x00", "\n", "\x1b[31m", "\u202e", "=cmd", "<script>", "../x", "/"),
    *([], {}, [[]], [None], {"": None}, {"a": {"a": {"a": []}}}, "nan", "1e5", "2024-01-01", [1, 2, 3], ["a", "a"]),
    *("a" * 5_000, "\u00e4\u4e2d\U0001f600", "no", "mean", "click", ["click", "click"], [1.5], {"choice": []}),
    *({"int": [5, 1]}, {"float": [1, 2], "log": True}, {"maybe": 1}, {"repeat": [1, 10**6], "of": {}}, {"choice": [1]}),
)

Mutation = Callable[[bytes, Sequence[bytes], random.Random], bytes]


def mutated(originals: Sequence[bytes], number: int, *, is_tree: bool = False) -> bytes:
    """One of the originals, changed in some places that depend on the number alone.

    Trees are written as JSON, which is YAML too.
    """
    dice = random.Random(number)
    content = dice.choice(originals)
    if is_tree and dice.random() < 0.5:
        return _changed_tree(content, dice)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        content = dice.choice(MUTATIONS)(content, originals, dice)
    return content


def _place(content: bytes, dice: random.Random) -> int:
    return dice.randrange(len(content) + 1)


def _bit(content: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    if not content:
        return b"\x00"
    position = dice.randrange(len(content))
    return content[:position] + bytes([content[position] ^ 1 << dice.randrange(8)]) + content[position + 1 :]


def _cut(content: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    return content[: _place(content, dice)]


def _without_slice(content: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    start = _place(content, dice)
    return content[:start] + content[start + dice.choice((1, 2, 10, 100)) :]


def _repeated_slice(content: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    start = _place(content, dice)
    end = start + dice.choice((1, 8, 60, 400))
    return content[:end] + content[start:end] * dice.choice((1, 1, 20)) + content[end:]


def _spliced(content: bytes, originals: Sequence[bytes], dice: random.Random) -> bytes:
    other = dice.choice(originals)
    start = _place(other, dice)
    here = _place(content, dice)
    piece = other[start : start + dice.choice((4, 40, 400))]
    return content[:here] + piece + content[here + dice.choice((0, len(piece))) :]


def _token(content: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    here = _place(content, dice)
    return content[:here] + dice.choice(TOKENS) + content[here:]


def _other_word(content: bytes, originals: Sequence[bytes], dice: random.Random) -> bytes:
    """A word, a number or a bracket becomes another one, of the file or of the hostile ones."""
    words = list(WORDS.finditer(content))
    if not words:
        return content
    match = dice.choice(words)
    new = dice.choice(words).group() if dice.random() < 0.5 else dice.choice(TOKENS)
    return content[: match.start()] + new + content[match.end() :]


MUTATIONS: tuple[Mutation, ...] = (
    _bit,
    _cut,
    _without_slice,
    _repeated_slice,
    _spliced,
    _token,
    _other_word,
    _other_word,
    _other_word,
)


def _changed_tree(content: bytes, dice: random.Random) -> bytes:
    """A file of JSON, of JSON lines or of YAML, with other values, keys or branches at some places."""
    lines = content.splitlines() if content.count(b"\n{") else [content]
    number = dice.randrange(len(lines))
    line = lines[number]
    tree = json.loads(line) if line.lstrip()[:1] in (b"{", b"[") else yaml.safe_load(line)
    for _ in range(dice.choice((1, 1, 2, 4))):
        _change(tree, dice)
    lines[number] = json.dumps(tree, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    return b"\n".join(lines) + b"\n"


def _change(tree: Any, dice: random.Random) -> None:
    """Change one value somewhere below a mapping or a list."""
    branches = [tree]
    for branch in branches:  # grows meanwhile
        below = branch.values() if isinstance(branch, dict) else branch
        branches += [value for value in below if isinstance(value, dict | list)]
    branch = dice.choice([branch for branch in branches if branch] or [tree])
    if not branch:
        return
    key = dice.choice(list(branch) if isinstance(branch, dict) else range(len(branch)))
    match dice.randrange(6):
        case 0:
            del branch[key]
        case 1:
            branch[key] = dice.choice(branches)  # json refuses a tree within itself, so it is copied
            branch[key] = json.loads(json.dumps(branch[key])) if _is_finite(branch[key]) else None
        case 2 if isinstance(branch, dict):
            branch[str(dice.choice(VALUES))[:100]] = branch.pop(key)
        case 2:
            branch.insert(key, branch[key])
        case 3 if isinstance(branch[key], int | float):
            branch[key] = dice.choice((-1, 0, 2, 10, 1000)) * branch[key] + dice.choice((0, 1, -1, 0.5))
        case _:
            branch[key] = dice.choice(VALUES)


def _is_finite(tree: Any) -> bool:
    """Whether a tree does not hold itself."""
    try:
        json.dumps(tree)
    except (ValueError, RecursionError):
        return False
    return True
