"""A profile as text of a given width, and its suggestions as YAML to paste."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import yaml

from mtl_nas.data.profiling.table_profile import ColumnFacts, Suggestion, TableProfile

WIDTH = 80  # characters of a line
MOST_COLUMNS = 40  # columns that are all shown
MOST_ODD = 30  # columns with a remark that are shown of a wide table
MOST_SUGGESTED = 40  # suggestions that are shown per key
LONGEST_NAME = 24
RULES = ("label", "split", "group", "weight")  # uses that are shown of a wide table, whatever the columns look like


def profile_lines(profile: TableProfile, width: int = WIDTH) -> list[str]:
    """The table of columns and the suggestions; of a wide table the odd columns first, and a summary of the others."""
    uses = Counter(facts.use for facts in profile.columns)
    counted = ", ".join(f"{count:,} {use}" for use, count in uses.items())
    lines = [f"{profile.rows:,} rows, {len(profile.columns):,} columns: {counted}", ""]
    shown, hidden = _shown(profile.columns)
    lines += _table(shown, width)
    lines += _summary(hidden, width)
    if profile.suggestions:
        lines += ["", "You may want to say in the search file:", ""]
        lines += [f"  {line}" for line in suggestion_lines(profile.suggestions, width - 2)]
    return lines


def _shown(columns: Sequence[ColumnFacts]) -> tuple[list[ColumnFacts], list[ColumnFacts]]:
    """The columns that are shown, and the others."""
    if len(columns) <= MOST_COLUMNS:
        return list(columns), []
    odd = [facts for facts in columns if facts.remarks][:MOST_ODD]
    rules = [facts for facts in columns if facts.use in RULES and not facts.remarks][:MOST_ODD]
    shown = {facts.name for facts in (*odd, *rules)}
    return [*odd, *rules], [facts for facts in columns if facts.name not in shown]


def _table(columns: Sequence[ColumnFacts], width: int) -> Iterator[str]:
    longest = min(max((len(facts.name) for facts in columns), default=0), LONGEST_NAME)
    longest = max(longest, len("column"))
    yield f"{'column':{longest}}  {'use':8}  missing   levels  examples"
    for facts in columns:
        missing = "" if facts.use == "ignored" and not facts.examples else _share(facts.missing)
        levels = "" if facts.levels is None else f"{facts.levels:,}{'+' if facts.capped else ''}"
        start = f"{_short(facts.name, longest):{longest}}  {facts.use:8}  {missing:>7}  {levels:>7}  "
        yield (start + _examples(facts.examples, width - len(start))).rstrip()
        for remark in facts.remarks:
            yield from textwrap.wrap(
                remark.text, width, initial_indent="    ! ", subsequent_indent="      ", break_on_hyphens=False
            )


def _summary(columns: Sequence[ColumnFacts], width: int) -> Iterator[str]:
    for use in dict.fromkeys(facts.use for facts in columns):
        names = [facts.name for facts in columns if facts.use == use]
        odd = sum(bool(facts.remarks) for facts in columns if facts.use == use)
        more = f" ({odd:,} of them odd, too)" if odd else ""
        text = f"and {len(names):,} more, read as {use}{more}: {', '.join(names[:6])}{', ...' * (len(names) > 6)}"
        yield from textwrap.wrap(text, width, subsequent_indent="    ")


def suggestion_lines(suggestions: Sequence[Suggestion], width: int = WIDTH) -> list[str]:
    """The suggestions as YAML, each reason as a comment above what it is for."""
    lines: list[str] = []
    for part, of_part in groupby(suggestions, key=lambda suggestion: suggestion.path[0]):
        lines.append(f"{part}:")
        if part == "data":
            for key, of_key in groupby(of_part, key=lambda suggestion: suggestion.path[1]):
                lines += _of_key(key, list(of_key), width)
        else:
            lines += _entries([(s.reason, f"  {_flow(s.path[1])}: {_flow(s.value)}") for s in of_part], "  ", width)
    return lines


def _of_key(key: str, suggestions: list[Suggestion], width: int) -> Iterator[str]:
    if key == "split":
        (only,) = suggestions
        yield from _comment(only.reason, "  ", width)
        yield f"  split: {_flow(only.value)}"
        return
    yield f"  {key}:"
    entries = [
        (s.reason, f"    - {_flow(s.value)}" if key == "ignore" else f"    {_flow(s.path[2])}: {_flow(s.value)}")
        for s in suggestions
    ]
    yield from _entries(entries, "    ", width)


def _entries(entries: list[tuple[str, str]], indent: str, width: int) -> Iterator[str]:
    for reason, alike in groupby(sorted(entries[:MOST_SUGGESTED], key=lambda entry: entry[0]), key=lambda e: e[0]):
        yield from _comment(reason, indent, width)
        yield from (line for _, line in alike)
    if len(entries) > MOST_SUGGESTED:
        yield f"{indent}# and {len(entries) - MOST_SUGGESTED:,} more"


def _comment(text: str, indent: str, width: int) -> Iterable[str]:
    return textwrap.wrap(text, width, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _flow(value: object) -> str:
    """A value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("...").strip()


def _share(missing: float) -> str:
    if missing in (0.0, 1.0):
        return f"{100 * missing:.0f} %"
    return "< 1 %" if missing < 0.01 else f"{100 * missing:.0f} %"


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 2]}.."


def _examples(examples: Sequence[str], width: int) -> str:
    """As many examples as fit."""
    each = max(6, (width - 2 * (len(examples) - 1)) // max(len(examples), 1))
    return ", ".join(_short(example, each) for example in examples)[: max(width, 0)]
