"""Schemas: the columns and tasks of a table, with the statistics of its train rows.

columns.py    categories, numbers and histories
table.py      tasks, and the schema of a table
"""

from mtl_nas.data.schema.columns import Calendar, Category, Histogram, HistoryColumns, Number
from mtl_nas.data.schema.table import Schema, Task, nested_pairs, refuse_later_references

__all__ = [
    "Calendar",
    "Category",
    "Histogram",
    "HistoryColumns",
    "Number",
    "Schema",
    "Task",
    "nested_pairs",
    "refuse_later_references",
]
