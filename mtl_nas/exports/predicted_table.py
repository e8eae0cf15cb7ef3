"""Predictions for a table on disk, batch by batch, at constant memory."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import torch
from pyarrow import parquet

from mtl_nas.data import RawTable, TableBatch, TableBatches, feature_columns
from mtl_nas.errors import DataError
from mtl_nas.exports.formulas import without_formulas
from mtl_nas.exports.model import Model
from mtl_nas.files import whole_file
from mtl_nas.model import STORED_ROWS
from mtl_nas.values import nearest

SUFFIXES = (".csv", ".tsv", ".parquet")
_model: Model  # of a process of a pool, which predicts with it
AHEAD = 2  # batches per process that wait or are being predicted
WHOLE = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype()}  # with gaps, too


class PredictedTable(NamedTuple):
    """What was written: the number of rows, the columns, and how many texts got an apostrophe."""

    rows: int
    columns: tuple[str, ...]
    formulas: int = 0


def predict_table(
    model: Model,
    table: Any,
    to: str | Path,
    *,
    keep: Sequence[str] = (),
    processes: int = 1,
    verbatim: bool = False,
    progress: Callable[[int], None] = lambda rows: None,
) -> PredictedTable:
    """Predict every row of a table on disk, and write the predictions beside the columns to keep.

    The table is read, predicted and written in batches, so memory does not grow with it. The predictions are those of
    `Model.predict` on all rows at once.

    Args:
        model: The model.
        table: A path, a list of paths, or a mapping with a query, as for `load_dataset`. Columns that the model does
            not read are ignored.
        to: The file to write, `.csv`, `.tsv` or `.parquet`; it is there once it is complete, and replaces an older one.
        keep: Columns of the table to copy, such as an id.
        processes: Number of processes that predict, each with one thread; with 1, this process predicts.
        verbatim: Leave texts in `.csv` and `.tsv` as they are. By default texts that a spreadsheet would evaluate, such
            as `=HYPERLINK(...)`, get an apostrophe in front, so that nobody acts through a kept column.
        progress: Called with the number of rows that were written, after each batch.

    Returns:
        The number of rows and the columns of the file, and the number of texts that got an apostrophe.

    Raises:
        DataError: The table cannot be read, a column is missing, a value cannot be read, or a name is there twice.

    Example:
        >>> import mtl_nas as mn
        >>> model = mn.load_model("runs/first/best")  # doctest: +SKIP
        >>> mn.predict_table(model, "day/*.parquet", "scores.parquet", keep=["id"], processes=4)  # doctest: +SKIP
    """
    to = Path(to)
    if to.suffix not in SUFFIXES:
        raise DataError(f"'{to}' ends in '{to.suffix}'; scores are written as .csv, .tsv or .parquet")
    source, keep = TableBatches(table), list(dict.fromkeys(keep))
    absent = [name for name in keep if name not in source.columns]
    if absent:
        hint = nearest(absent[0], source.columns)
        raise DataError(f"'{absent[0]}' is to be kept and is no column of the table{hint}")
    columns = [name for name in source.columns if name in {*feature_columns(model.schema), *keep}]
    written = 0
    with whole_file(to) as part, _Output(part, to.suffix, verbatim=verbatim) as output:
        for batch, predictions in _predicted(model, source.read(columns, STORED_ROWS), processes):
            output.write(_beside(batch.table.select(keep), predictions))
            written += len(batch)
            progress(written)
        output.close()
    return PredictedTable(written, output.columns, output.formulas)


class _TextWriter:
    def __init__(self, path: Path, separator: str, *, verbatim: bool) -> None:
        self._file, self._separator = path.open("w", encoding="utf-8", newline=""), separator
        self._header, self._verbatim, self.formulas = True, verbatim, 0

    def write(self, table: pa.Table) -> None:
        frame = table.to_pandas(types_mapper=WHOLE.get)
        if not self._verbatim:
            frame, formulas = without_formulas(frame, names=self._header)
            self.formulas += formulas
        frame.to_csv(self._file, index=False, header=self._header, sep=self._separator)
        self._header = False

    def close(self) -> None:
        self._file.close()


class _Output:
    """The file of the predictions, which is opened when the first batch tells its columns."""

    def __init__(self, path: Path, suffix: str, *, verbatim: bool) -> None:
        self.columns: tuple[str, ...] = ()
        self.formulas = 0
        self._path, self._suffix, self._verbatim = path, suffix, verbatim
        self._writer: parquet.ParquetWriter | _TextWriter | None = None

    def __enter__(self) -> "_Output":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self.columns = tuple(table.column_names)
            if self._suffix == ".parquet":
                self._writer = parquet.ParquetWriter(self._path, table.schema)
            else:
                separator = "\t" if self._suffix == ".tsv" else ","
                self._writer = _TextWriter(self._path, separator, verbatim=self._verbatim)
        self._writer.write(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self.formulas = self._writer.formulas if isinstance(self._writer, _TextWriter) else 0
            self._writer = None


def _beside(kept: RawTable, predictions: pa.Table) -> pa.Table:
    """The columns that are kept, and right of them the predictions."""
    if not kept.names:
        return predictions  # a table without columns has no rows to append to
    table = kept.to_arrow()
    for name in predictions.column_names:
        if name in kept:
            raise DataError(f"'{name}' is to be kept, and a prediction has that name too; rename the column")
        table = table.append_column(name, predictions.column(name))
    return table


def _predicted(model: Model, batches: Iterator[TableBatch], processes: int) -> Iterator[tuple[TableBatch, pa.Table]]:
    """Every batch with its predictions, in their order."""
    if processes == 1:
        for batch in batches:
            with batch.numbered():
                yield batch, _predictions(model, batch.table)
        return
    pending: deque[tuple[TableBatch, Future[pa.Table]]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin_worker, (model,)) as pool:
        try:
            for batch in batches:
                pending.append((batch, pool.submit(_predictions_of_worker, batch.table.to_arrow())))
                if len(pending) >= AHEAD * processes:
                    yield _result(*pending.popleft())
            while pending:
                yield _result(*pending.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _result(batch: TableBatch, future: "Future[pa.Table]") -> tuple[TableBatch, pa.Table]:
    with batch.numbered():
        return batch, future.result()


def _predictions(model: Model, table: RawTable) -> pa.Table:
    return pa.Table.from_pandas(model.predict(table), preserve_index=False).replace_schema_metadata()


def _begin_worker(model: Model) -> None:
    global _model  # noqa: PLW0603  # a process of the pool has one model
    torch.set_num_threads(1)
    _model = model


def _predictions_of_worker(table: pa.Table) -> pa.Table:
    return _predictions(_model, RawTable.of(table))
