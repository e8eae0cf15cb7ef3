"""Texts -> ids of levels, by the rules of ``mtl_nas.data.parsing.levels``."""

import re
from collections.abc import Collection

import numpy as np

from mtl_nas.data.parsing.levels import spelled, spelling
from mtl_nas.data.parsing.marks import MARK, MISSING_WORD
from mtl_nas.exports.onnx_columns.builder import DOUBLE, GraphBuilder
from mtl_nas.exports.raw_columns import FINITE, numeric_marks

ZEROS = r"-?\d+\.0+"  # a whole number, spelled with a fraction
EXACT = 2.0**53  # from which two whole numbers can be one double


def text_ids(
    graph: GraphBuilder, texts: str, levels: tuple[str | None, ...], marks: Collection[str], first: int
) -> str:
    """Ids (int64) of texts: levels count from ``first``, unseen texts get ``first - 1``, and so does the empty text.

    A text that says that the value is missing has the id of the level None, where there is one. ``marks`` are the
    texts that a declaration says so of.
    """
    unseen = first - 1
    missing = first + levels.index(None) if None in levels else unseen
    ids, absent = _ids(graph, texts, levels, first)
    if missing == unseen and not marks:
        return ids
    declared = [text_is_mark(graph, texts, marks)] if marks else []
    absent = graph.any_of(graph.op("Equal", texts, graph.constant("")), absent, *declared)
    return graph.where(absent, graph.constant(missing, np.int64), ids)


def text_is_mark(graph: GraphBuilder, texts: str, marks: Collection[str]) -> str:
    """Where a text is one of the declared marks: as it is, or as the number that it spells."""
    masks = [_is_one_of(graph, texts, marks)]
    if any(re.fullmatch(r"-?\d+", mark) for mark in marks):
        masks.append(_is_one_of(graph, _without_zeros(graph, texts), marks))
    if numbers := numeric_marks(marks):
        codes = graph.codes(_numbers(graph, texts), dict.fromkeys(numbers, 1), 0, np.float64)
        masks.append(graph.op("Equal", codes, graph.constant(1, np.int64)))
    return graph.any_of(*masks)


def _is_one_of(graph: GraphBuilder, texts: str, words: Collection[str]) -> str:
    return graph.op("Equal", graph.codes(texts, dict.fromkeys(sorted(words), 1), 0), graph.constant(1, np.int64))


def _ids(graph: GraphBuilder, texts: str, levels: tuple[str | None, ...], first: int) -> tuple[str, str]:
    """The ids of texts, and where a text that is no level says that the value is missing."""
    id_of = {level: first + index for index, level in enumerate(levels) if level is not None}
    how = spelling(levels)
    if how == "number" and _are_doubles(id_of):
        numbers = {float(level): index for level, index in id_of.items()}
        ids = graph.codes(_numbers(graph, texts), numbers, first - 1, np.float64)
        return ids, graph.matches(texts, f"(?i){MARK}")
    if how == "number":  # ids beyond 2^53, which doubles would merge
        ids = graph.codes(_without_zeros(graph, texts), id_of, first - 1)
        return ids, graph.matches(texts, f"(?i){MARK}")
    if how == "boolean":
        id_of = {level.capitalize(): index for level, index in id_of.items()}
        for word in ("True", "False"):
            texts = graph.where(graph.matches(texts, rf"(?i)\s*{word}\s*"), graph.constant(word), texts)
    elif any(re.fullmatch(r"-?\d+", level) for level in id_of):
        texts = _without_zeros(graph, texts)
    ids = graph.codes(texts, id_of, first - 1)
    is_word = graph.matches(texts, f"(?i){MISSING_WORD}")
    return ids, graph.op("And", is_word, graph.op("Equal", ids, graph.constant(first - 1, np.int64)))


def _are_doubles(levels: Collection[str]) -> bool:
    """Whether the levels are different doubles, each of which is spelled like its level."""
    plain = all(re.fullmatch(FINITE, level) and abs(float(level)) < EXACT for level in levels)
    return plain and all(spelled(repr(float(level)), "number") == level for level in levels)


def _numbers(graph: GraphBuilder, texts: str) -> str:
    """Texts as doubles, NaN where a text is no number."""
    word = _first_part(graph, graph.where(graph.matches(texts, FINITE), texts, graph.constant("nan")), delimiter="")
    return graph.cast(word, DOUBLE)


def _without_zeros(graph: GraphBuilder, texts: str) -> str:
    """``1.0`` as ``1``, other texts as they are."""
    zeros = graph.matches(texts, ZEROS)
    return graph.where(
        zeros, _first_part(graph, graph.where(zeros, texts, graph.constant("0.0")), delimiter="."), texts
    )


def _first_part(graph: GraphBuilder, texts: str, delimiter: str) -> str:
    """What stands before the delimiter, or between white space where it is empty; no text of the tensor is empty.

    One more text is split and left out again, as the parts of no texts have no first one.
    """
    flat = graph.op("Reshape", texts, graph.constant([-1], np.int64))
    longer = graph.op("Concat", flat, graph.constant(["0"]), axis=0)
    parts = graph.op("StringSplit", longer, outputs=2, delimiter=delimiter)
    part = graph.op("Gather", parts, graph.constant(0, np.int64), axis=1)
    part = graph.op("Slice", part, graph.constant([0], np.int64), graph.constant([-1], np.int64))
    return graph.op("Reshape", part, graph.op("Shape", texts))
