"""What a single column looks like, from the profile of its values: one remark, and what a search file could say."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.profiling.table_profile import Look, Remark, Suggestion

ID_NAME = re.compile(r"(^|[_\W])(id|code|key|nbr|uuid|guid|hash)s?$", re.IGNORECASE)
PERSON = re.compile(r"user|customer|client|patient|member|account|session|visitor|device|household", re.IGNORECASE)
DOMAIN = re.compile(r"^(campaign|domain|scenario|market|channel|tab|site)(_?id)?$", re.IGNORECASE)
DATE = re.compile(
    r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b.*|\d{4}[./]\d{1,2}[./]\d{1,2}\b.*|\d{1,2}[ -][a-z]{3,9}[ -]\d{2,4}.*", re.I
)
COMMA = re.compile(r"[-+]?[$€£¥]?\s?\d{1,3}([. ]?\d{3})*,\d+\s?[%$€£¥]?")  # 1.234,56 and 0,5
LABEL_NAME = re.compile(
    r"(^|_)(label|target|outcome|click(ed)?|liked?|follow(ed)?|comment(ed)?|shared?|forward|hate|buy|bought|purchased?|"
    r"convert(ed)?|conversion|install(ed)?|churn(ed)?)($|_)",
    re.IGNORECASE,
)
SPLIT_WORDS = {"train", "training", "validation", "valid", "val", "dev", "tuning", "test", "holdout"}
MARKS = (-1, -9, -99, -999, -9999)  # numbers that often say that a value is missing
LARGE = 10**9  # whole numbers of at least this size are ids or times, seldom amounts
FEWEST_ROWS = 30  # rows with a value, with fewer of which nothing is concluded from repeats
MANY_LEVELS = 30  # texts of one form, with fewer of which a category is fine
SECONDS = (6e8, 2.2e9)  # 1989 to 2039
MOST_MARKED = 0.9  # share of rows with a mark above which it is a value like any other


class Finding(NamedTuple):
    """A remark on a column and the suggestions that follow from it."""

    remark: Remark
    suggestions: tuple[Suggestion, ...] = ()


def _finding(look: Look, text: str, *suggestions: Suggestion) -> Finding:
    return Finding(Remark(look=look, text=text), suggestions)


def ignored(column: str, reason: str) -> Suggestion:
    """The suggestion to leave a column out of the features."""
    return Suggestion(path=("data", "ignore"), value=column, reason=reason)


def _split_rule(column: str, rule: str, reason: str) -> Suggestion:
    return Suggestion(path=("data", "split"), value={rule: column}, reason=reason)


def look(profile: ColumnProfile) -> Finding | None:
    """What a feature column looks like; None where nothing is odd. The first rule that fits decides."""
    return next((finding for rule in RULES if (finding := rule(profile)) is not None), None)


def missing_mark(profile: ColumnProfile) -> Finding | None:
    """A lone negative number such as -1 among others from 0, which may say that there is no value."""
    negative, numbers = profile.numbers.only_negative, profile.numbers
    if negative is None or negative[0] not in MARKS or numbers.highest <= 0 or profile.distinct.count <= 2:
        return None
    mark, rows = negative
    if rows < 2 or rows > MOST_MARKED * numbers.count:
        return None
    text = f"is {mark:g} in {rows:,} rows and never else below 0: {mark:g} may say that there is no value"
    value = [int(mark)]
    return _finding(
        "missing mark",
        text,
        Suggestion(path=("data", "missing", profile.name), value=value, reason=f"if {mark:g} is no value"),
    )


def _split_column(profile: ColumnProfile) -> Finding | None:
    words = {word.lower() for word in profile.distinct.sample}
    if len(words) < 2 or profile.distinct.count > 4 or not words <= SPLIT_WORDS:
        return None
    if set(profile.distinct.sample) == {"train", "validation", "test"}:
        return _finding(
            "split",
            "says which rows train, validate and test",
            _split_rule(profile.name, "column", "the split of the table"),
        )
    shown = ", ".join(sorted(words))
    text = f"names parts of a split ({shown}); a split column holds train, validation and test"
    return _finding("split", text, ignored(profile.name, "a split, which says nothing about new rows"))


def _row_number(profile: ColumnProfile) -> Finding | None:
    numbers = profile.numbers
    rows = numbers.count
    counts = profile.is_numeric and numbers.whole and numbers.increasing and not profile.missing and rows >= FEWEST_ROWS
    if not counts or numbers.lowest not in (0, 1) or numbers.highest - numbers.lowest != rows - 1:
        return None
    return _finding(
        "row number",
        "is a row number: it says where a row stands in the table, and nothing about new rows",
        ignored(profile.name, "a row number"),
    )


def _time(profile: ColumnProfile) -> Finding | None:
    unit = _unit(profile)
    if unit is None:
        return None
    text = f"is a time{unit}: if new rows come later, split by it"
    rule = _split_rule(profile.name, "time", "the latest rows test, if new rows come later")
    return _finding("time", text, rule)


def _unit(profile: ColumnProfile) -> str | None:
    """The unit of a column of instants; None where it holds none."""
    numbers = profile.numbers
    if profile.is_time and profile.texts.leading_zeros is None:
        return "" if numbers.lowest > 10**7 else None  # neither times of day nor durations
    if not profile.is_numeric or profile.distinct.count < MANY_LEVELS or ID_NAME.search(profile.name):
        return None
    for unit, factor in ((" in seconds since 1970", 1), (" in milliseconds since 1970", 1e3)):
        if SECONDS[0] * factor <= numbers.lowest and numbers.highest <= SECONDS[1] * factor:
            return unit
    days = numbers.whole and numbers.lowest >= 19000101 and numbers.highest <= 21001231
    if days and all(
        1 <= int(word) // 100 % 100 <= 12 and 1 <= int(word) % 100 <= 31 for word in profile.distinct.sample
    ):
        return ", written as 20240131"
    return None


def _id_or_group(profile: ColumnProfile) -> Finding | None:
    distinct, numbers = profile.distinct, profile.numbers
    whole = profile.is_numeric and numbers.whole
    if distinct.rows < FEWEST_ROWS or distinct.count < FEWEST_ROWS or not (whole or profile.kind == "category"):
        return None
    named = ID_NAME.search(profile.name) is not None or PERSON.search(profile.name) is not None
    large = whole and max(numbers.highest, -numbers.lowest) >= LARGE
    if distinct.repeats < 1.01:
        if whole and not (named or large):
            return None  # whole amounts may differ in every row
        return _finding("id", "is an id: no value occurs twice", ignored(profile.name, "an id, new in every row"))
    if PERSON.search(profile.name) and ID_NAME.search(profile.name):
        text = f"is an id with {distinct.repeats:.3g} rows per value: split by it, if new rows are of others"
        return _finding("group", text, _split_rule(profile.name, "group", "rows of one value stay in one part"))
    if profile.kind == "number" and (named or large):
        size = "large " if large else ""
        return _finding(
            "id",
            f"is read as a number, though its {size}whole numbers may be ids: say category, or ignore it",
            Suggestion(path=("data", "columns", profile.name), value="category", reason="if its numbers are ids"),
        )
    return None


def _text_form(profile: ColumnProfile) -> Finding | None:
    distinct = profile.distinct
    if profile.types != {"text"} or profile.kind != "category" or distinct.count < MANY_LEVELS:
        return None
    for pattern, what, way_out in (
        (DATE, "dates", "write them as 2024-01-31, and they are times"),
        (COMMA, "numbers with a decimal comma", "write them with a point, and they are numbers"),
    ):
        share = np.mean([pattern.fullmatch(word.strip()) is not None for word in distinct.sample])
        if share > MOST_MARKED:
            text = f"is a category of {distinct.count:,} texts, which are {what}: {way_out}"
            return _finding("text", text, ignored(profile.name, f"{what} as text; {way_out}"))
    return None


def _named_label(profile: ColumnProfile) -> Finding | None:
    if set(profile.distinct.sample) != {"0", "1"} or not LABEL_NAME.search(profile.name):
        return None
    text = "is 0 or 1 and named like a label: as a feature it may give others away"
    return _finding("label", text, ignored(profile.name, "it may be another label, or say so under tasks"))


def _domain(profile: ColumnProfile) -> Finding | None:
    if not DOMAIN.match(profile.name) or not 2 <= profile.distinct.count <= 20:
        return None
    text = f"may be a domain of {profile.distinct.count} kinds of rows: group: {profile.name} gives each its own tasks"
    return _finding("domain", text)


RULES: tuple[Callable[[ColumnProfile], Finding | None], ...] = (
    _split_column,
    _row_number,
    _time,
    _text_form,
    _id_or_group,
    missing_mark,
    _domain,
    _named_label,
)
