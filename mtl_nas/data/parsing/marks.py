"""Texts that say that a value is missing."""

import re

MISSING_WORD = r"\s*(#?n/?a|<na>|-?nan|nat|null|none)\s*"
MARK = rf"^({MISSING_WORD}|\s*(\?|--?|\.)?\s*)$"
_MISSING_WORD = re.compile(MISSING_WORD, re.IGNORECASE)
_MARK = re.compile(MARK, re.IGNORECASE)


def is_missing_word(text: str) -> bool:
    """Whether a text is a word for a missing value, such as ``NA`` or ``null``."""
    return _MISSING_WORD.fullmatch(text) is not None


def is_mark(text: str) -> bool:
    """Whether a text among numbers or times says that the value is missing: a word such as ``NA``, ``?`` or ``-``.

    >>> [is_mark(text) for text in ("NA", "null", "?", "", "0", "x")]
    [True, True, True, True, False, False]
    """
    return _MARK.fullmatch(text) is not None
