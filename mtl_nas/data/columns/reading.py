"""How the values of columns are read: marks of missing values, and notes on what a reader may not expect."""

from collections.abc import Iterable, Mapping

import numpy as np

from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.declaration import ColumnReading
from mtl_nas.data.parsing.instants import EARLIEST, LATEST
from mtl_nas.data.parsing.marks import is_missing_word
from mtl_nas.data.time_column import TimeColumn
from mtl_nas.errors import DataError

MOST_ODD = 0.1  # share of texts among numbers below which the column may be a number with mistakes


def refuse_undeclared_marks(numbers: Iterable[ColumnProfile]) -> None:
    """Raise DataError where a column that is declared a number holds ``?`` or ``-``, which is not declared missing."""
    for profile in numbers:
        for mark, (_, row) in profile.texts.marks.items():
            if not is_missing_word(mark):
                raise DataError(
                    f"column '{profile.name}' is a number, but row {row + 1} holds {mark!r}; if that means that the "
                    f"value is missing, say missing: {{{profile.name}: [{mark!r}]}}"
                )


def with_marks(
    declared: Mapping[str, tuple[str, ...]], profiles: Iterable[ColumnProfile]
) -> dict[str, tuple[str, ...]]:
    """The declared marks of missing values and those of numbers that were inferred."""
    marks = dict(declared)
    for profile in profiles:
        inferred = tuple(mark for mark in profile.missing_marks if not is_missing_word(mark))
        if inferred and profile.kind == "number":
            marks[profile.name] = (*marks.get(profile.name, ()), *inferred)
    return marks


def reading_notes(profiles: Iterable[ColumnProfile], kinds: Mapping[str, ColumnReading]) -> tuple[str, ...]:
    """Notes on columns that are read in a way that their text does not show."""
    return tuple(note for profile in profiles for note in _notes(profile, kinds[profile.name]))


def _notes(profile: ColumnProfile, kind: ColumnReading) -> Iterable[str]:
    name = profile.name
    for mark in profile.missing_marks:
        count, _ = profile.texts.marks[mark]
        yield f"column '{name}': {mark!r} in {count:,} row{'s' * (count != 1)} is read as missing"
    if isinstance(kind, TimeColumn):
        if profile.numbers.lowest <= profile.numbers.highest:
            first, last = map(_shown, (profile.numbers.lowest, profile.numbers.highest))
            zone = "" if kind.zone == "UTC" else f" in {kind.zone}"
            yield f"column '{name}' is a time from {first} to {last} UTC: {', '.join(kind.time)}{zone}"
    elif kind == "number":
        if profile.texts.form == "marked":
            yield f"column '{name}' is read as a number without its signs and commas, such as {profile.texts.sign!r}"
        if profile.is_time:
            zoned = "" if profile.zoned else "; times without a zone are taken as UTC"
            yield f"column '{name}' is read as a time, in seconds{'' if profile.numbers.lowest < 10**6 else zoned}"
            yield f"column '{name}': say columns: {{{name}: time}} for hour and weekday as features, too"
        elif profile.unix_unit is not None:
            yield (
                f"column '{name}' is read as a number; if it counts {profile.unix_unit} since 1970, say columns: "
                f"{{{name}: {{time: [hour, weekday, trend], unit: {profile.unix_unit}}}}}"
            )
    elif profile.is_numeric and profile.texts.leading_zeros is not None:
        zeros = profile.texts.leading_zeros
        yield f"column '{name}' is read as text: it has numbers with leading zeros, such as {zeros!r}"
    elif 0 < profile.texts.forms["text"] < MOST_ODD * profile.texts.forms["number"]:
        numbers, total = profile.texts.forms["number"], profile.texts.forms.total()
        yield (
            f"column '{name}' is a category, but {numbers:,} of its {total:,} "
            f"texts are numbers; if {profile.texts.word!r} means that the value is missing, say missing: "
            f"{{{name}: [{profile.texts.word!r}]}}"
        )


def _shown(seconds: float) -> str:
    """The time of these seconds since 1970-01-01, to the minute."""
    whole = int(np.clip(np.floor(seconds), EARLIEST, LATEST))
    return str(np.datetime64(whole, "s").astype("datetime64[m]")).replace("T", " ")
