"""List columns: the elements of all rows and the length of each row's list."""

import ast
import json
import re
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mtl_nas.data.parsing.frames import spelled_object
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.errors import DataError

_SEPARATORS = re.compile(r"[\s,;|\x1d]+")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_TOKEN = re.compile(rf"(?P<quoted>{_QUOTED.pattern})|[^\s,;|\x1d\[\]]+", re.DOTALL)
_BETWEEN = ",\n"  # no text of JSON reaches over the end of a line
_NO_ITEM = ("None", "nan", "NaN", "null")


class ListColumn(NamedTuple):
    """A column of lists; ``lengths`` (N,) adds up to the number of elements."""

    elements: RawColumn
    lengths: NDArray[np.int64]


def read_lists(column: RawColumn) -> ListColumn:
    """The lists of a column; a missing list is empty.

    Text is read as a list in JSON or as Python prints it, or else as words between spaces, commas, semicolons or bars.
    """
    if column.type == "list":
        lengths = pc.fill_null(pc.list_value_length(column.values), 0).to_numpy(zero_copy_only=False)
        elements = RawColumn(column.name, column.values.flatten())
        if elements.type in ("list", "other"):
            raise DataError(f"column '{column.name}' holds lists of {elements.values.type}; an item is one value")
        return ListColumn(elements, lengths.astype(np.int64))
    if column.type == "none":
        return ListColumn(RawColumn(column.name, pa.array([], pa.large_string())), np.zeros(len(column), np.int64))
    if column.type != "text":
        row = int(np.flatnonzero(~column.missing)[0])
        raise DataError(f"column '{column.name}' is a sequence, but row {row + 1} holds {column.value(row)!r}")
    encoded = column.values.dictionary_encode()
    lists = _lists_of_texts(column.name, encoded.dictionary.to_pylist())
    taken = lists.take(encoded.indices.fill_null(len(lists) - 1).cast(pa.int64()))
    lengths = pc.list_value_length(taken).to_numpy(zero_copy_only=False).astype(np.int64)
    return ListColumn(RawColumn.of(column.name, taken.flatten()), lengths)


def is_list_text(text: str) -> bool:
    """Whether a text is a list in square brackets."""
    return text.startswith("[") and text.endswith("]")


def _lists_of_texts(name: str, texts: list[str]) -> pa.Array:
    """The lists of different texts, and last an empty one."""
    rows = _json_lists(texts)
    if rows is None:
        rows = [_parsed_list(text) for text in texts]
    with suppress(pa.ArrowException, OverflowError):
        lists = pa.array([*rows, []])
        if lists.type.value_type in (pa.int64(), pa.string()):
            return lists
    spelled = [_spelled_items(name, items) for items in rows]
    return pa.array([*spelled, []], pa.large_list(pa.large_string()))


def _json_lists(texts: list[str]) -> list[Any] | None:
    """The lists of texts that are all JSON, read at once; None where one is not."""
    try:
        rows = json.loads(f"[{_BETWEEN.join(texts)}]", parse_constant=_constant)
    except (ValueError, RecursionError):
        return None
    return rows if len(rows) == len(texts) and set(map(type, rows)) <= {list} else None


def _parsed_list(text: str) -> list[Any]:
    """The items of a list in JSON, as Python prints a list, as numpy prints an array, or of words."""
    if not is_list_text(text):
        return [word for word in _SEPARATORS.split(text) if word]
    try:
        return list(json.loads(text, parse_constant=_constant))
    except (ValueError, RecursionError):
        pass
    if re.fullmatch(rf"\[\s*(?:{_QUOTED.pattern})(?:\s+(?:{_QUOTED.pattern}))+\s*\]", text, re.DOTALL):
        return _items(text)  # Python would join the words of numpy's ['a' 'b']
    try:
        return list(ast.literal_eval(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return _items(text)


def _constant(word: str) -> float | None:
    return None if word == "NaN" else float(word)


def _spelled_items(name: str, items: list[Any]) -> list[str | None]:
    for item in items:
        if isinstance(item, list | tuple | dict):
            raise DataError(f"column '{name}' holds lists of lists, such as {items!s:.60}; an item is one value")
    return [None if item is None else spelled_object(item) or None for item in items]


def _items(text: str) -> list[str | None]:
    """Quoted items, and bare ones between separators; a bare ``None`` or ``nan`` is missing."""
    items: list[str | None] = []
    for token in _TOKEN.finditer(text):
        word = token[0]
        if token["quoted"]:
            items.append(ast.literal_eval(word))
        else:
            items.append(None if word in _NO_ITEM else word.strip("'\"").removesuffix(".") or None)
    return items
