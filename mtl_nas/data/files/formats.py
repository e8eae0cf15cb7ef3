"""The format of a table on disk, by its suffix."""

from collections.abc import Callable
from pathlib import Path

from mtl_nas.data.files import parquet_file, text_file
from mtl_nas.data.files.parquet_file import ParquetFile
from mtl_nas.data.files.table_file import TableFile
from mtl_nas.data.files.text_file import TextFile, suffix
from mtl_nas.errors import DataError

FORMATS: dict[str, Callable[[Path], TableFile]] = {
    **dict.fromkeys(text_file.SEPARATORS, TextFile),
    **dict.fromkeys(parquet_file.SUFFIXES, ParquetFile),
}


def open_table(path: str | Path) -> TableFile:
    """Open a table on disk; DataError where the path holds none.

    Args:
        path: a CSV or TSV file (also .gz, .bz2, .zst or .xz), a Parquet file, or a folder of Parquet files.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(f"no table '{path}'")
    if path.is_dir():
        return ParquetFile(path)
    if suffix(path) not in FORMATS:
        compressed = ", ".join(text_file.COMPRESSIONS)
        raise DataError(
            f"'{path}' has no known suffix: {', '.join(FORMATS)} (text also with {compressed}), or a folder of Parquet"
        )
    return FORMATS[suffix(path)](path)
