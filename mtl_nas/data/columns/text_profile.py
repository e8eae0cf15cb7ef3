"""What the different texts of a column look like."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mtl_nas.data.parsing.marks import MARK
from mtl_nas.data.parsing.numeric import MARKED, PLAIN
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.parsing.times import CLOCK, TIME

FIRST_ROWS = 2**16  # rows that may settle that a column is text, whatever follows
ENOUGH_TEXTS = 1_000  # rows of text among them, and no number, which settle it
LEADING_ZERO = r"^\s*[-+]?0\d"
FORMS = {  # in the order in which a text is tried
    "number": PLAIN,
    "mark": MARK,
    "boolean": "^(true|false)$",
    "list": r"^\[.*\]$",
    "marked": f"^{MARKED}$",
    "time": f"^({TIME}|{CLOCK})$",
}


class TextProfile:
    """The texts of a column over all rows that were added."""

    def __init__(self) -> None:
        self.forms: Counter[str] = Counter()  # rows of each form
        self._is_text: bool | None = None  # whether the first rows say that the column is text
        self.marks: dict[str, tuple[int, int]] = {}  # texts for a missing value: their rows, and the first one
        self.word: str | None = None  # the first text that is nothing but text
        self.sign: str | None = None  # the first number with a sign or separators: $1,234.50
        self.leading_zeros: str | None = None  # a number with leading zeros

    def add(self, column: RawColumn, first: int) -> None:
        """Add the texts of further rows, of which ``first`` is the number within the table."""
        head = FIRST_ROWS - first
        if head >= len(column) or (head > 0 and column.plain_numbers is not None):
            self._add(column, first)
            return
        if head > 0:
            self._add(column.take(slice(head)), first)
            column, first = column.take(slice(head, None)), FIRST_ROWS
        if self._is_text is None:
            self._is_text = self.forms["text"] >= ENOUGH_TEXTS and not self.forms["number"]
        if not self._is_text:
            self._add(column, first)

    def _add(self, column: RawColumn, first: int) -> None:
        if column.plain_numbers is not None:
            self._add_numbers(column.values)
            return
        texts = column.encoded.dictionary
        codes = column.encoded.indices.drop_null().to_numpy()
        rows = np.bincount(codes, minlength=len(texts))
        for form, positions in positions_by_form(texts).items():
            if not len(positions):
                continue
            if form == "mark":
                self._add_marks(column.values, texts.take(positions).to_pylist(), first)
                continue
            self.forms[form] += int(rows[positions].sum())
            if form == "number":
                self._note_leading_zeros(texts.take(positions))
            elif form == "text" and self.word is None:
                self.word = texts[int(positions[0])].as_py()
            elif form == "marked" and self.sign is None:
                self.sign = texts[int(positions[0])].as_py()

    def _add_marks(self, values: pa.Array, marks: list[str], first: int) -> None:
        for mark in marks:
            rows = np.flatnonzero(pc.fill_null(pc.equal(values, mark), False).to_numpy(zero_copy_only=False))
            count, row = self.marks.get(mark, (0, first + int(rows[0])))
            self.marks[mark] = (count + len(rows), row)

    def _add_numbers(self, values: pa.Array) -> None:
        """Add texts that are all plain numbers."""
        self.forms["number"] += len(values) - values.null_count
        begins_with_0 = pc.or_(pc.starts_with(values, "0"), pc.starts_with(values, "-0"))
        self._note_leading_zeros(values.filter(begins_with_0))

    def _note_leading_zeros(self, numbers: pa.Array) -> None:
        if self.leading_zeros is None:
            zeros = numbers.filter(pc.match_substring_regex(numbers, LEADING_ZERO))
            self.leading_zeros = zeros[0].as_py() if len(zeros) else None

    @property
    def form(self) -> str:
        """The one form of all texts, as ``positions_by_form`` names it; marks among numbers or times do not count."""
        forms = {form for form, count in self.forms.items() if count}
        if forms and forms <= {"number", "marked"}:
            return "marked" if "marked" in forms else "number"
        return forms.pop() if len(forms) == 1 else "text"


def positions_by_form(texts: pa.Array) -> dict[str, NDArray[np.int64]]:
    """Positions of texts by what they are; ``mark`` says that a value is missing, ``marked`` is a number with a sign.

    >>> groups = positions_by_form(pa.array(["1.5", "NA", "$17.00", "true", "[1, 2]", "2024-01-31", "a b"]))
    >>> {form: group.tolist() for form, group in groups.items() if form in ("mark", "marked", "time")}
    {'mark': [1], 'marked': [2], 'time': [5]}
    """
    groups, positions = {}, np.arange(len(texts))
    for form, pattern in FORMS.items():
        matches = pc.match_substring_regex(texts, pattern, ignore_case=True)
        texts = texts.filter(pc.invert(matches))
        has_form = matches.to_numpy(zero_copy_only=False).astype(bool)
        groups[form], positions = positions[has_form], positions[~has_form]
    return groups | {"text": positions}
