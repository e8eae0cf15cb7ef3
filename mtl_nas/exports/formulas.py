"""Texts that a spreadsheet would take as formulas, in the CSV and TSV files that ``predict`` writes."""

import re

import pandas as pd

# numbers and lone signs are none
_FORMULA = re.compile(r"[=+\-@\t\r](?!\s*([\d.,]+(e[+-]?\d+)?\s*%?)?\s*$)", re.IGNORECASE)


def without_formulas(table: pd.DataFrame, *, names: bool = True) -> tuple[pd.DataFrame, int]:
    """The table with an apostrophe before texts that a spreadsheet would evaluate, and their number.

    ``names`` says whether the names of columns count, too; they are not written with every batch of rows.

    A text such as ``=HYPERLINK(...)`` that somebody else put into a table would act in the spreadsheet of whoever opens
    the predictions (CWE-1236). With the apostrophe, spreadsheets show it as a text.
    """
    columns, count = {}, 0
    for index, name in enumerate(table.columns):
        values = table.iloc[:, index]
        if not pd.api.types.is_numeric_dtype(values):
            acts = values.map(_is_formula).to_numpy(dtype=bool)
            count += int(acts.sum())
            values = values.where(~acts, "'" + values.astype(str)) if acts.any() else values
        count += names and _is_formula(name)
        columns[f"'{name}" if _is_formula(name) else name] = values
    return pd.DataFrame(columns, index=table.index), count


def _is_formula(value: object) -> bool:
    return isinstance(value, str) and _FORMULA.match(value) is not None
