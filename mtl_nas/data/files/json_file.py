"""JSON lines: an object per line, whose types are kept."""

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.json as pajson

from mtl_nas.data.files.json_types import (
    array_of,
    arrow_type,
    parsed_by_arrow,
    text_of_times,
    type_of_array,
    types_of_rows,
    united,
)
from mtl_nas.data.files.location import Location
from mtl_nas.data.files.table_file import TableFile
from mtl_nas.data.files.text_file import text_errors
from mtl_nas.errors import DataError

SUFFIXES = (".jsonl", ".ndjson")
SAMPLE = 2**16  # bytes of the first lines, which usually tell the fields that Arrow takes for times
BLOCK = 2**24  # bytes that are parsed at once; a line may be longer


class JsonFile(TableFile):
    """The fields of all lines; a field that a line lacks is missing there.

    A field has the type that holds all its values: see ``json_types``.
    """

    def __init__(self, location: Location) -> None:
        self.name, self._location = location.text, location
        self._types: dict[str, pa.DataType] = {}
        for line, block in self._blocks():
            for name, kind in self._types_of(line, block).items():
                self._types[name] = united(self._types.get(name, pa.null()), kind)
        self.schema = pa.schema([(name, arrow_type(kind)) for name, kind in self._types.items()])

    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        kinds = {name: self._types[name] for name in (self.columns if columns is None else columns)}
        for line, block in self._blocks():
            table = self._parsed(line, block, kinds)
            for start in range(0, len(table), rows or max(1, len(table))):
                yield table.slice(start, rows)

    def _types_of(self, line: int, block: bytes) -> dict[str, pa.DataType]:
        """The types of the fields in some lines."""
        try:
            first = _inferred_by_arrow(block[: block.find(b"\n", SAMPLE) + 1] or block, {}).schema
            table = _inferred_by_arrow(block, text_of_times(first))
            if text := text_of_times(table.schema):
                table = _inferred_by_arrow(block, text_of_times(first) | text)
            names = dict.fromkeys([*first.names, *table.schema.names])  # declared fields stand first in the table
            kinds = {name: type_of_array(table.column(name)) for name in names}
            if None not in kinds.values():
                return kinds
        except pa.ArrowInvalid:
            pass  # the types of a field differ, or a line is no object: lines alone can tell
        return types_of_rows(self._objects(line, block))

    def _parsed(self, line: int, block: bytes, kinds: Mapping[str, pa.DataType]) -> pa.Table:
        """Some lines as columns of these types."""
        schema = pa.schema([(name, arrow_type(kind)) for name, kind in kinds.items()])
        simple = pa.schema([field for field in schema if parsed_by_arrow(kinds[field.name])])
        columns: dict[str, Any] = {}
        if len(simple):
            options = pajson.ParseOptions(explicit_schema=simple, unexpected_field_behavior="ignore")
            try:
                table = pajson.read_json(pa.py_buffer(block), parse_options=options)
                columns = {name: table.column(name) for name in simple.names}
            except pa.ArrowInvalid:
                pass
        if len(columns) < len(schema):
            rows = list(self._objects(line, block))
            others = [name for name in schema.names if name not in columns]
            columns |= {name: array_of((row.get(name) for row in rows), kinds[name]) for name in others}
        return pa.table({name: columns[name] for name in schema.names}, schema=schema)

    def _objects(self, line: int, block: bytes) -> Iterator[dict[str, Any]]:
        for number, text in enumerate(block.split(b"\n"), line):
            if not text.strip():
                continue
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as problem:
                raise DataError(f"'{self.name}' is no JSON in line {number:,}: {str(problem).lower()}") from None
            if not isinstance(value, dict):
                raise DataError(
                    f"'{self.name}' holds a {type(value).__name__} in line {number:,}; JSON lines hold an object per "
                    'line: {"column": value, ...}'
                )
            yield value

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Whole lines of about a block, and the number of the first of them."""
        line, rest = 1, b""
        with text_errors(self.name), self._location.open() as stream:
            while chunk := stream.read(BLOCK):
                head, newline, tail = chunk.rpartition(b"\n")
                if not newline:
                    rest += chunk
                    continue
                yield from self._checked(line, rest + head + newline)
                line, rest = line + rest.count(b"\n") + head.count(b"\n") + 1, tail
            yield from self._checked(line, rest)

    def _checked(self, line: int, block: bytes) -> Iterator[tuple[int, bytes]]:
        block = block.removeprefix(codecs.BOM_UTF8) if line == 1 else block
        if block.strip():
            block.decode()  # Arrow's parser does not look
            yield line, block


def _inferred_by_arrow(block: bytes, text: Mapping[str, pa.DataType]) -> pa.Table:
    """Some lines with the types that Arrow infers; ``text``: types of fields that it would take for times."""
    options = pajson.ParseOptions(explicit_schema=pa.schema(text) if text else None, unexpected_field_behavior="infer")
    return pajson.read_json(pa.py_buffer(block), parse_options=options)
