"""Code in lines of at most 120 characters, broken where formatters break it."""

from collections.abc import Sequence

WIDTH = 120  # characters of a line
INDENT = "    "
LITERALS = ("{", "[", "(")  # whose items stand one on a line, where they do not fit


class Group:
    """An opening text, items and a closing text, such as a call with its arguments."""

    def __init__(self, opening: str, items: Sequence["Code"], closing: str) -> None:
        self.opening, self.items, self.closing = opening, list(items), closing

    def __str__(self) -> str:
        return f"{self.opening}{', '.join(map(str, self.items))}{self.closing}"


Code = str | Group


def lines_of(prefix: str, code: Code, suffix: str = "", indent: str = INDENT) -> list[str]:
    """The lines of a statement, whose code stands between a prefix such as ``x = `` and a suffix."""
    line = f"{indent}{prefix}{code}{suffix}"
    if len(line) <= WIDTH or isinstance(code, str) or not code.items:
        return [line]
    inner = indent + INDENT
    opening, closing = f"{indent}{prefix}{code.opening}", f"{indent}{code.closing}{suffix}"
    joined = f"{inner}{', '.join(map(str, code.items))}"
    if len(joined) <= WIDTH and (code.opening not in LITERALS or len(code.items) == 1):
        return [opening, joined, closing]
    body = [line for item in code.items for line in lines_of("", item, ",", inner)]
    return [opening, *body, closing]


def commented(left: str, code: Code, shapes: str) -> list[str]:
    """A statement with the shapes of its results, in the same line where they fit."""
    lines = lines_of(f"{left} = ", code)
    if not shapes:
        return lines
    if len(lines) == 1 and len(lines[0]) + len(shapes) + 4 <= WIDTH:
        return [f"{lines[0]}  # {shapes}"]
    return [f"{INDENT}# {shapes}", *lines]
