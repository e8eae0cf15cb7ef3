"""Levels: one spelling for 1, 1.0 and "1", whichever container a table comes from.

The levels themselves say how a column is spelled. Where all of them are numbers, ``1.50`` is the level 1.5; where all
are true and false, ``TRUE`` is true; in any other column text is what it is: ``0042`` is not 42, and ``NA`` may be
Namibia.
"""

import re
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.data.parsing.marks import is_mark, is_missing_word
from mtl_nas.data.parsing.raw import RawColumn, RawTable
from mtl_nas.errors import DataError

Spelling = Literal["number", "boolean", "text"]
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")  # without leading zeros, which are codes
MOST_KEPT = 100_000  # levels of a column whose ids are kept between calls
_WHOLE = re.compile(r"-?\d+\.0+")
_LETTERS = frozenset(string.ascii_letters) - set("inIN")  # no number begins with them, but inf and nan
_BOOLEANS = {"true": "True", "false": "False"}


def text(value: object) -> str:
    """The spelling of a level that a user declares.

    >>> [text(value) for value in (1, 1.0, "1.0", 0.5, True, "a b")]
    ['1', '1', '1', '0.5', 'True', 'a b']
    """
    if isinstance(value, str):
        return value.partition(".")[0] if value[-1:] == "0" and _WHOLE.fullmatch(value) else value
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def factorize(column: RawColumn) -> tuple[NDArray[np.int64], list[str]]:
    """Codes (N,), -1 where missing, and the text of each code; two codes may share a text."""
    values = column.values
    if column.type in ("list", "other"):
        raise DataError(f"column '{column.name}' holds {values.type}, which are no levels; ignore it")
    if column.type == "none":
        return np.full(len(column), -1), []
    encoded = column.encoded
    if types.is_floating(values.type):
        encoded = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values).dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, _texts(encoded.dictionary)


def spelling(levels: Iterable[str | None]) -> Spelling:
    """How a column with these levels is spelled.

    >>> spelling(["1", "2.5"]), spelling(["0042", "1042"]), spelling(["False", "True"])
    ('number', 'text', 'boolean')
    """
    words = [level for level in levels if level is not None]
    if words and all(map(NUMBER.fullmatch, words)):
        return "number"
    return "boolean" if words and all(word.lower() in _BOOLEANS for word in words) else "text"


def spelling_of_texts(texts: Iterable[str]) -> Spelling:
    """How a column with these texts is spelled: ``NA`` and other marks among numbers are no levels."""
    texts = list(texts)
    if all(NUMBER.fullmatch(word) or is_mark(word) for word in texts):  # ends at the first word
        return spelling(word for word in texts if not is_mark(word))
    if all(word.lower() in _BOOLEANS or is_mark(word) for word in texts):
        return "boolean"
    return "text"


def spelled(word: str, how: Spelling) -> str | None:
    """The level that a text means in a column of that spelling; None where it says that the value is missing.

    >>> spelled("1.50", "number"), spelled("0042", "text"), spelled("NA", "number"), spelled("NA", "text")
    ('1.5', '0042', None, 'NA')
    """
    if how == "number":
        return None if is_mark(word) else _spelled_number(word)
    if how == "boolean":
        return _BOOLEANS.get(word.strip().lower(), word)
    return text(word)


def distinct_levels(texts: Collection[str]) -> tuple[set[str], set[str]]:
    """The levels that the texts of a column mean, and the texts that say that a value is missing."""
    how = spelling_of_texts(texts)
    meant = {spelled(word, how) for word in texts}
    marks = set(filter(is_mark, texts)) if how == "number" else set()
    return {level for level in meant if level is not None}, marks


def sort_levels(levels: Collection[str]) -> tuple[str, ...]:
    """Numbers by value, then words by spelling."""
    return tuple(sorted(levels, key=_rank))


def level_ids(column: RawColumn, levels: tuple[str | None, ...], first: int) -> NDArray[np.int32]:
    """The id of each value, (N,): levels count from ``first``, unseen values get ``first - 1``.

    A word such as ``NA`` that is no level means that the value is missing.
    """
    codes, texts = factorize(column)
    return np.asarray(text_ids([*texts, None], levels, first), dtype=np.int32)[codes]  # code -1 is the last: missing


def text_ids(texts: Iterable[str | None], levels: tuple[str | None, ...], first: int) -> list[int]:
    """The id of each text, None where the value is missing, as ``level_ids`` gives it."""
    how, id_of = _vocabulary(levels, first) if len(levels) > MOST_KEPT else _kept_vocabulary(levels, first)
    unseen, missing = first - 1, id_of.get(None, first - 1)
    ids = []
    for word in texts:
        level = None if word is None else spelled(word, how)
        index = id_of.get(level)
        if index is None:
            index = missing if level is None or is_missing_word(level) else unseen
        ids.append(index)
    return ids


def _vocabulary(levels: tuple[str | None, ...], first: int) -> tuple[Spelling, dict[str | None, int]]:
    """How a column with these levels is spelled, and the id of each level."""
    how = spelling(levels)
    if how == "boolean":
        return how, {level and level.capitalize(): first + index for index, level in enumerate(levels)}
    return how, {level: first + index for index, level in enumerate(levels)}


_kept_vocabulary = lru_cache(maxsize=1024)(_vocabulary)  # a server encodes few rows at once, and many times


def without_marks(table: RawTable, marks: Mapping[str, Sequence[str]]) -> RawTable:
    """The table with no value where a column holds one of its marks; those of ``*`` hold for every column."""
    everywhere = set(marks.get("*", ()))
    columns = {}
    for column in table:
        own = everywhere | set(marks.get(column.name, ()))
        if own and column.type not in ("list", "other", "none"):
            codes, texts = factorize(column)
            missing = np.array([*(is_declared_mark(word, own) for word in texts), True])
            columns[column.name] = column.without(missing[codes])
    return table.replaced(columns)


def is_declared_mark(word: str, marks: Collection[str]) -> bool:
    """Whether a text, or the number that it spells, is declared to say that a value is missing."""
    return any(spelling in marks for spelling in (word, text(word), spelled(word, "number")))


def _texts(values: pa.Array) -> list[str]:  # noqa: PLR0911  # one return per type
    kind = values.type
    if types.is_large_string(kind):
        words: list[str] = values.to_pylist()
        return words
    if types.is_boolean(kind):
        return [str(value) for value in values.to_pylist()]
    if types.is_integer(kind):
        return list(map(str, values.to_pylist()))
    if types.is_floating(kind):
        return list(map(text, values.to_numpy(zero_copy_only=False)))
    if types.is_decimal(kind):
        return [_spelled_number(format(value, "f")) for value in values.to_pylist()]
    if types.is_timestamp(kind):
        words = pc.strftime(values, "%Y-%m-%d %H:%M:%S").to_pylist()
        return [word.rstrip("0").rstrip(".") if "." in word else word for word in words]
    return [str(value) for value in values.to_pylist()]


def _spelled_number(word: str) -> str:
    word = word.strip()
    if re.fullmatch(r"-?\d+(\.0*)?", word):
        return str(int(word.partition(".")[0]))
    try:
        number = float(word)
    except ValueError:
        return word
    return text(number) if np.isfinite(number) else word


def _rank(level: str) -> tuple[int, float, str]:
    if level[:1] in _LETTERS:
        return (1, 0.0, level)
    try:
        return (0, float(level), level)
    except ValueError:
        return (1, 0.0, level)
