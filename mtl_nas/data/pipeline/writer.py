"""A table -> an encoded folder, with never more than a batch of it in memory."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mtl_nas.data.columns.fitting import with_fits
from mtl_nas.data.dataset import fingerprint
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.pipeline.file_table import FileTable
from mtl_nas.data.pipeline.row_encoding import TableEncoding
from mtl_nas.data.profiling.table_profile import PROFILE
from mtl_nas.data.schema import Schema
from mtl_nas.data.splits import PARTS, SPLIT_OF, SPLITS
from mtl_nas.data.storage.encoded_folder import INDEX, SCHEMA, FolderIndex, map_rows, shapes
from mtl_nas.data.storage.rows import Rows
from mtl_nas.files import whole_folder


def write_encoded(name: str, table: FileTable, declaration: Declaration, to: Path) -> None:
    """Encode a table into a folder, which exists only once all of it is written."""
    with whole_folder(to.absolute()) as folder:
        encoding = TableEncoding.of(table, declaration)
        _write_rows(encoding, folder)
        _write_index(encoding, folder, name)


def _sizes(encoding: TableEncoding) -> dict[str, int]:
    """Number of rows per split."""
    by_part = dict(zip(PARTS, np.bincount(encoding.survey.part, minlength=len(PARTS)).tolist(), strict=False))
    return {split: sum(by_part[part] for part in PARTS if SPLIT_OF[part] == split) for split in SPLITS}


def _tuning_rows(encoding: TableEncoding) -> int:
    return int((encoding.survey.part == PARTS.index("tuning")).sum())


def _write_rows(encoding: TableEncoding, folder: Path) -> None:
    """Write every row into the files of its split; tuning rows stand before choosing rows."""
    maps = _files(encoding, folder)
    next_row = {**dict.fromkeys(PARTS, 0), "choosing": _tuning_rows(encoding)}
    for part, rows in encoding.rows():
        start = next_row[part]
        next_row[part] = stop = start + len(rows)
        for file, array in _by_file(rows, encoding.schema).items():
            if array.size:
                maps[SPLIT_OF[part], file][start:stop] = array
    for array in maps.values():
        array.flush()


def _files(encoding: TableEncoding, folder: Path) -> dict[tuple[str, str], Any]:
    """New arrays by split and file, memory-mapped; an array without an element has no file."""
    maps = {}
    for split, rows in _sizes(encoding).items():
        (folder / split).mkdir()
        for file, (shape, dtype) in shapes(rows, encoding.schema, weighed=encoding.weighed).items():
            if 0 not in shape:
                path = folder / split / f"{file}.npy"
                maps[split, file] = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    return maps


def _by_file(rows: Rows, schema: Schema) -> dict[str, Any]:
    arrays = {"categories": rows.categories, "numbers": rows.numbers, "labels": rows.labels}
    arrays |= {f"sequence{index}": rows.sequences[part.name] for index, part in enumerate(schema.sequences)}
    return arrays if rows.weights is None else arrays | {"weights": rows.weights}


def _write_index(encoding: TableEncoding, folder: Path, name: str) -> None:
    """Look for leaks, and write schema and index."""
    schema, sizes, tuning = encoding.schema, _sizes(encoding), _tuning_rows(encoding)
    encoded = {split: map_rows(folder, split, rows, schema, weighed=encoding.weighed) for split, rows in sizes.items()}
    declaration, notes, profile = encoding.described(encoded)
    (folder / PROFILE).write_text(profile.model_dump_json(), encoding="utf-8")
    index = FolderIndex(
        name=name,
        declaration=declaration,
        notes=notes,
        rows=sizes,
        tuning=tuning,
        fingerprint=fingerprint(schema, encoded, tuning),
    )
    (folder / SCHEMA).write_text(with_fits(schema, encoded["train"]).model_dump_json(), encoding="utf-8")
    tree = index.model_dump(mode="json") | {"declaration": declaration.tree()}
    (folder / INDEX).write_text(json.dumps(tree, indent=1, ensure_ascii=False), encoding="utf-8")
