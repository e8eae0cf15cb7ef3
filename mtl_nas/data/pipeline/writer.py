"""A table -> an encoded folder: never more than a batch of it in memory."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mtl_nas.data.builtin.registry import BUILTINS
from mtl_nas.data.columns.encoding import features
from mtl_nas.data.dataset import Dataset, fingerprint
from mtl_nas.data.leakage import refuse_leaks
from mtl_nas.data.loading import Tasks, given, load_dataset, stated, stem
from mtl_nas.data.parsing.lists import flat
from mtl_nas.data.pipeline.incremental_fit import PARTS, SPLIT_OF
from mtl_nas.data.pipeline.survey_pass import Survey, read_columns, survey
from mtl_nas.data.pipeline.table_batches import Batches, numbered
from mtl_nas.data.preparation import complete, summary
from mtl_nas.data.storage.encoded_folder import INDEX, SCHEMA, SPLITS, Index, is_encoded, mapped, shapes
from mtl_nas.data.storage.rows import Rows
from mtl_nas.data.tasks.row_weights import row_weights
from mtl_nas.errors import DataError


def encode(
    source: str | Path,
    to: str | Path,
    tasks: Tasks | None = None,
    *,
    split: Mapping[str, Any] | None = None,
    ignore: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    sequences: Mapping[str, Mapping[str, Any]] | None = None,
    group: str | None = None,
    weight: str | None = None,
    violations: str | None = None,
) -> Dataset:
    """Encode a table that may be larger than memory into a folder, which ``load_dataset`` then reads where it lies.

    The keywords are those of ``load_dataset``, and the rows of every split are the same. Kinds that nothing declares
    are inferred from the first 100,000 rows. Nothing is left in ``to`` unless all of it is.
    """
    said = stated(str(source), given(tasks, split, ignore, columns, sequences, group, weight, violations))
    table, to = said.data.table, Path(to).expanduser()
    if table is None or table in BUILTINS:
        raise DataError(f"'{source}' is no table on disk; it is loaded as it is")
    if is_encoded(table):
        raise DataError(f"'{table}' is encoded already")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DataError(f"'{to}' is there already; give another folder")
    test = said.data.split.test
    batches = Batches(table, test if isinstance(test, str) else None, ignore=said.data.ignore)
    with _whole(to) as folder:
        found = survey(batches, said)
        sizes = np.bincount(found.part, minlength=len(PARTS))
        _write(batches, found, folder, dict(zip(PARTS, sizes.tolist(), strict=False)))
        _finish(found, folder, stem(table))
    return load_dataset(to)


@contextmanager
def _whole(to: Path) -> Iterator[Path]:
    """A folder to write into, which takes its name at the end; what an earlier process left of it is removed."""
    part = to.absolute().parent / f".{to.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        part.rename(to.absolute())
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(batches: Batches, found: Survey, folder: Path, sizes: Mapping[str, int]) -> None:
    """Every row at its place; tuning rows stand above choosing rows."""
    declaration, schema = found.declaration, found.schema
    weight = declaration.data.weight
    maps = _files(folder, found, sizes)
    next_row = {**dict.fromkeys(PARTS, 0), "choosing": sizes["tuning"]}
    listed = [column.name for part in schema.sequences for column in part.columns]
    for batch in batches(read_columns(schema, declaration)):
        with numbered(batch.first):
            lists = {name: flat(batch.frame[name]) for name in listed}
            labels = found.goals.labels(batch.frame)[0].astype(np.float32)
            weights = row_weights(batch.frame, weight)
            rows = replace(features(batch.frame, schema, lists), labels=labels, weights=weights)
        part = found.part[batch.first : batch.first + len(rows)]
        for number, name in enumerate(PARTS):
            chosen = rows.take(np.flatnonzero(part == number))
            start = next_row[name]
            next_row[name] = stop = start + len(chosen)
            for key, array in _by_file(chosen, found).items():
                if array.size:
                    maps[SPLIT_OF[name], key][start:stop] = array
    for array in maps.values():
        array.flush()


def _files(folder: Path, found: Survey, sizes: Mapping[str, int]) -> dict[tuple[str, str], Any]:
    maps = {}
    for split in SPLITS:
        (folder / split).mkdir()
        rows = sum(size for name, size in sizes.items() if SPLIT_OF[name] == split)
        weighed = found.declaration.data.weight is not None
        for key, (shape, dtype) in shapes(rows, found.schema, weighed=weighed).items():
            if 0 not in shape:
                path = folder / split / f"{key}.npy"
                maps[split, key] = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    return maps


def _by_file(rows: Rows, found: Survey) -> dict[str, Any]:
    arrays = {"categories": rows.categories, "numbers": rows.numbers, "labels": rows.labels}
    arrays |= {f"sequence{place}": rows.sequences[part.name] for place, part in enumerate(found.schema.sequences)}
    return arrays if rows.weights is None else arrays | {"weights": rows.weights}


def _finish(found: Survey, folder: Path, name: str) -> None:
    """Look for leaks, and write down what the folder holds."""
    schema, weighed = found.schema, found.declaration.data.weight is not None
    sizes = np.bincount(found.part, minlength=len(PARTS)).tolist()
    counts = {"train": sizes[0], "validation": sizes[1] + sizes[2], "test": sizes[3]}
    encoded = {split: mapped(folder, split, count, schema, weighed=weighed) for split, count in counts.items()}
    refuse_leaks(encoded["train"], schema)
    declaration = complete(found.declaration, schema)
    index = Index(
        name=name,
        declaration=declaration,
        notes=(*summary(declaration, encoded["train"], schema), *found.notes),
        rows=counts,
        tuning=sizes[1],
        fingerprint=fingerprint(schema, encoded, sizes[1]),
    )
    (folder / SCHEMA).write_text(schema.model_dump_json(), encoding="utf-8")
    tree = index.model_dump(mode="json") | {"declaration": declaration.tree()}
    (folder / INDEX).write_text(json.dumps(tree, indent=1, ensure_ascii=False), encoding="utf-8")
