"""The format of a table, by its suffix or by what it is read from."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.fs as pafs

from mtl_nas.data.files import excel_file, json_file, parquet_file, text_file
from mtl_nas.data.files.excel_file import excel_file as open_excel
from mtl_nas.data.files.file_list import FileList
from mtl_nas.data.files.json_file import JsonFile
from mtl_nas.data.files.location import COMPRESSIONS, Location, locate, matching, refuse_absent
from mtl_nas.data.files.parquet_file import ParquetFile
from mtl_nas.data.files.query_table import open_query
from mtl_nas.data.files.table_file import TableFile
from mtl_nas.data.files.text_file import TextFile
from mtl_nas.data.source import Query, is_url
from mtl_nas.errors import DataError
from mtl_nas.files import refuse_special_file

FORMATS: dict[str, Callable[[Location], TableFile]] = {
    **dict.fromkeys(text_file.SEPARATORS, TextFile),
    **dict.fromkeys(json_file.SUFFIXES, JsonFile),
    **dict.fromkeys(parquet_file.SUFFIXES, ParquetFile),
    **dict.fromkeys(excel_file.SUFFIXES, open_excel),
}
PACKED = (*text_file.SEPARATORS, *json_file.SUFFIXES)  # suffixes that may stand before one of a compression


def open_table(source: str | Path | tuple[str, ...] | Query, *, key: str | None = None) -> TableFile:
    """Open a table on disk, in an object store or in a database; DataError where there is none.

    Args:
        source: the path or URL of a CSV, TSV or JSON lines file (also .gz, .bz2, .zst or .xz), a Parquet file, a
            folder of Parquet files or an .xlsx workbook; a path with wildcards, or a list of paths; or a query.
        key: what names the table in a search file, for the error where there is none.
    """
    if isinstance(source, Query):
        return open_query(source, key)
    paths = [path for part in (source if isinstance(source, tuple) else (str(source),)) for path in matching(part)]
    return _open_file(paths[0], key) if len(paths) == 1 else FileList([_open_file(path, key) for path in paths])


def _open_file(path: str, key: str | None) -> TableFile:
    location = locate(path)
    refuse_absent(location, key)
    if not is_url(path):
        refuse_special_file(Path(location.path), DataError)
    if location.kind == pafs.FileType.Directory:
        return ParquetFile(location)
    if location.suffix not in FORMATS or (location.compression and location.suffix not in PACKED):
        raise DataError(
            f"'{path}' has no known suffix: {', '.join(FORMATS)} ({', '.join(PACKED)} also with "
            f"{', '.join(COMPRESSIONS)}), or a folder of Parquet"
        )
    return FORMATS[location.suffix](location)
