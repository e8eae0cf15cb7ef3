"""What the different texts of a column look like."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtl_nas.data.parsing.marks import MARK
from mtl_nas.data.parsing.numeric import MARKED, PLAIN
from mtl_nas.data.parsing.times import CLOCK, TIME

ENOUGH_TEXTS = 1_000  # different texts that settle that a column holds no numbers
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
        self.forms: Counter[str] = Counter()  # different texts of each form, batch by batch
        self.marks: dict[str, tuple[int, int]] = {}  # texts for a missing value: their rows, and the first one
        self.word: str | None = None  # the first text that is nothing but text
        self.sign: str | None = None  # the first number with a sign or separators: $1,234.50
        self.leading_zeros: str | None = None  # a number with leading zeros

    def add(self, values: pa.Array, first: int) -> None:
        """Add the (N,) texts of further rows, of which ``first`` is the number within the table."""
        if self.forms["text"] > ENOUGH_TEXTS > self.forms["number"]:
            return  # a category, whatever follows
        by_form = texts_by_form(values.unique().drop_null())
        for mark in by_form.pop("mark").to_pylist():
            rows = np.flatnonzero(pc.fill_null(pc.equal(values, mark), False).to_numpy(zero_copy_only=False))
            count, row = self.marks.get(mark, (0, first + int(rows[0])))
            self.marks[mark] = (count + len(rows), row)
        for form, texts in by_form.items():
            self.forms[form] += len(texts)
        if self.word is None and len(by_form["text"]):
            self.word = by_form["text"][0].as_py()
        if self.sign is None and len(by_form["marked"]):
            self.sign = by_form["marked"][0].as_py()
        if self.leading_zeros is None:
            zeros = by_form["number"].filter(pc.match_substring_regex(by_form["number"], LEADING_ZERO))
            self.leading_zeros = zeros[0].as_py() if len(zeros) else None

    @property
    def form(self) -> str:
        """The one form of all texts, as ``texts_by_form`` names it; marks among numbers or times do not count."""
        forms = {form for form, count in self.forms.items() if count}
        if forms and forms <= {"number", "marked"}:
            return "marked" if "marked" in forms else "number"
        return forms.pop() if len(forms) == 1 else "text"


def texts_by_form(texts: pa.Array) -> dict[str, pa.Array]:
    """Different texts by what they are; ``mark`` says that a value is missing, ``marked`` is a number with a sign.

    >>> groups = texts_by_form(pa.array(["1.5", "NA", "$17.00", "true", "[1, 2]", "2024-01-31", "a b"]))
    >>> {form: group.to_pylist() for form, group in groups.items() if form in ("mark", "marked", "time")}
    {'mark': ['NA'], 'marked': ['$17.00'], 'time': ['2024-01-31']}
    """
    groups = {}
    for form, pattern in FORMS.items():
        matches = pc.match_substring_regex(texts, pattern, ignore_case=True)
        groups[form] = texts.filter(matches)
        texts = texts.filter(pc.invert(matches))
    return groups | {"text": texts}
