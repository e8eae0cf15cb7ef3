"""The profile of a table from the profiles of its columns and from encoded train rows."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mtl_nas.data.columns.features import length_name
from mtl_nas.data.columns.inference import rule_columns
from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.leakage import Leak
from mtl_nas.data.profiling.looks import Finding, ignored, look, missing_mark
from mtl_nas.data.profiling.relations import label_like
from mtl_nas.data.profiling.table_profile import ColumnFacts, Remark, Suggestion, TableProfile
from mtl_nas.data.profiling.task_proposals import task_suggestions
from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.rows import Rows

ORDER = ("ignore", "split", "columns", "missing")  # of suggestions under data
EXAMPLES = 3


def gather_profile(
    columns: Sequence[str],
    profiles: Mapping[str, ColumnProfile],
    declaration: Declaration,
    schema: Schema,
    rows: Rows,
    leaks: Iterable[Leak],
) -> TableProfile:
    """The profile of a table.

    Args:
        columns: names of the columns, in the order of the table.
        profiles: profiles of its feature and label columns.
        declaration: the complete declaration.
        schema: the schema of the encoded rows.
        rows: train rows, or a sample of them.
        leaks: columns that give a label away.
    """
    columns_of = declaration.label_columns()
    labels = {column: task for task, column in columns_of.items()}
    uses = _uses(columns, declaration, labels)
    signs, leaking = label_like(rows, schema), {leak.column: leak for leak in leaks}
    findings: dict[str, Finding] = {}
    for name, use in uses.items():
        finding = _finding(name, use, profiles, signs, leaking)
        if finding is not None:
            findings[name] = finding
    levels = {column.name: len([level for level in column.levels if level is not None]) for column in schema.categories}
    levels |= {columns_of[task.name]: len(task.classes) for task in schema.tasks if task.name in columns_of}
    facts = tuple(
        _facts(name, use, profiles.get(name), findings.get(name), levels.get(name, 0)) for name, use in uses.items()
    )
    of_columns = [suggestion for finding in findings.values() for suggestion in finding.suggestions]
    suggestions = [*_of_data(of_columns, declaration), *task_suggestions(rows, schema, declaration)]
    suggestions += _parallel_lists(rows, schema, declaration)
    total = max((profile.rows for profile in profiles.values()), default=len(rows))
    return TableProfile(rows=total, columns=facts, suggestions=tuple(suggestions))


def _uses(columns: Sequence[str], declaration: Declaration, labels: Mapping[str, str]) -> dict[str, str]:
    data = declaration.data
    uses = {name: "sequence" for part in declaration.sequences.values() for name in part.columns}
    uses |= dict.fromkeys(data.ignore, "ignored") | dict.fromkeys(rule_columns(data.split), "split")
    uses |= {data.group: "group"} if data.group is not None else {}
    uses |= {data.weight: "weight"} if data.weight is not None else {}
    uses |= dict.fromkeys(labels, "label")
    uses |= {name: reading if isinstance(reading, str) else "time" for name, reading in data.columns.items()}
    return {name: uses.get(name, "ignored") for name in columns}


def _finding(
    name: str,
    use: str,
    profiles: Mapping[str, ColumnProfile],
    signs: Mapping[str, str],
    leaks: Mapping[str, Leak],
) -> Finding | None:
    profile = profiles.get(name)
    leak = leaks.get(name)
    if leak is not None and leak.is_certain:
        text = f"gives away task '{leak.task}' (correlation {leak.correlation:.3f})"
        return Finding(Remark(look="leak", text=text), (ignored(name, f"it gives away {leak.task}"),))
    if profile is None or use == "ignored":
        return None
    if use == "label":
        return missing_mark(profile)
    finding = look(profile) if use in ("category", "number", "time") else None
    if leak is not None and finding is None:
        text = f"has a correlation of {leak.correlation:.2f} with task '{leak.task}': it may give that one away"
        return Finding(Remark(look="label", text=text), (ignored(name, "if it is not known when rows are scored"),))
    if name in signs and (finding is None or finding.remark.look in ("missing mark", "domain", "label")):
        text = f"{signs[name]}: it may be another label, and give that one away"
        return Finding(
            Remark(look="label", text=text), (ignored(name, "it may be another label, or say so under tasks"),)
        )
    return finding


def _facts(
    name: str, use: str, profile: ColumnProfile | None, finding: Finding | None, encoded_levels: int
) -> ColumnFacts:
    """Facts on a column; ``encoded_levels``: exact number of levels in the train rows, 0 for numbers."""
    remarks = () if finding is None else (finding.remark,)
    if profile is None or not profile.rows:
        return ColumnFacts(name=name, use=use, remarks=remarks)
    is_list = use == "sequence" or "list" in profile.types
    return ColumnFacts(
        name=name,
        use=use,
        missing=profile.missing / profile.rows,
        levels=None if is_list else max(profile.distinct.count, encoded_levels),
        capped=profile.distinct.capped and not encoded_levels,
        examples=tuple(profile.distinct.sample[:EXAMPLES]),
        remarks=remarks,
    )


def _of_data(suggestions: Iterable[Suggestion], declaration: Declaration) -> list[Suggestion]:
    """Suggestions for the part ``data`` in the order of its keys; one split rule at most, where none is declared."""
    ordered = sorted(suggestions, key=lambda suggestion: ORDER.index(suggestion.path[1]))
    rules = [suggestion for suggestion in ordered if suggestion.path[1] == "split"]
    best = min(rules, key=lambda rule: ("column", "time", "group").index(next(iter(rule.value))), default=None)
    if rule_columns(declaration.data.split) or isinstance(declaration.data.split.test, str):
        best = None
    return [suggestion for suggestion in ordered if suggestion.path[1] != "split" or suggestion is best]


def _parallel_lists(rows: Rows, schema: Schema, declaration: Declaration) -> list[Suggestion]:
    """A suggestion per set of lists that are equally long in every row: one history with properties."""
    numbers = {number.name: index for index, number in enumerate(schema.numbers)}
    alike: dict[bytes, list[str]] = {}
    for part in schema.sequences:
        if declaration.sequences[part.name].properties:
            continue
        index = numbers.get(length_name(part.name))
        lengths = (
            f"always {part.length}".encode()
            if index is None
            else np.ascontiguousarray(rows.numbers[:, index]).tobytes()
        )
        alike.setdefault(lengths, []).append(part.name)
    suggestions = []
    for items, *properties in alike.values():
        if properties:
            columns = {name: declaration.sequences[name].items for name in (items, *properties)}
            value = {"items": columns[items], "properties": [columns[name] for name in properties]}
            reason = "lists that are equally long in every row: one history, if they describe the same events"
            suggestions.append(Suggestion(path=("sequences", items), value=value, reason=reason))
    return suggestions
