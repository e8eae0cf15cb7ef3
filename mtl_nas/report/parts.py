"""The parts of a page as values: sections with sentences, tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_nas.report.charts import Chart


@dataclass(frozen=True)
class Cell:
    """A cell of a table; ``kind`` is its class on the page."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class PageTable:
    """A table of a section."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    first_is_best: bool = False


@dataclass(frozen=True)
class Figure:
    """Charts of a section, by title, under one caption; a chart that stands alone has the title ''."""

    id: str
    caption: str
    charts: Mapping[str, Chart]


@dataclass(frozen=True)
class Section:
    """A section of the page; ``drawing`` is SVG, all else is text."""

    id: str
    title: str
    paragraphs: Sequence[str] = ()
    table: PageTable | None = None
    figures: Sequence[Figure] = ()
    drawing: str = ""
    lines: str = ""
    picker: Sequence[str] = ()


@dataclass(frozen=True)
class Contents:
    """A whole report; ``trials`` are number and text of each trial that can be picked."""

    title: str
    verdict: str
    sharing: str
    data: str
    sections: Sequence[Section]
    trials: Sequence[Mapping[str, Any]] = ()
