"""Where a table lies: on this machine, in an object store, or in any other file system that has URLs."""

import lzma
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from textwrap import shorten
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.fs as pafs

from mtl_nas.data.source import WILDCARDS, is_url, refuse_secrets
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".xz": "xz"}
RETRIES = 30  # seconds for which an unreachable Google Cloud Storage is tried


class Location(NamedTuple):
    """A file or a folder."""

    text: str  # as the user wrote it
    path: str  # within the file system
    filesystem: Any

    @property
    def suffix(self) -> str:
        """The suffix that names the format, before that of a compression."""
        path = PurePosixPath(self.path)
        return PurePosixPath(path.stem if path.suffix.lower() in COMPRESSIONS else path.name).suffix.lower()

    @property
    def compression(self) -> str | None:
        """The compression that the last suffix names."""
        return COMPRESSIONS.get(PurePosixPath(self.path).suffix.lower())

    @property
    def kind(self) -> Any:
        """Whether there is a file, a folder, or nothing."""
        with reached(self.text):
            return self.filesystem.get_file_info(self.path).type

    def open(self) -> Any:
        """The bytes of the file, unpacked."""
        if is_url(self.text):
            with reached(self.text):
                stream = self.filesystem.open_input_stream(self.path, compression=None)
                if self.compression not in (None, "xz"):
                    stream = pa.CompressedInputStream(stream, self.compression)
        else:
            packed = self.compression if self.compression != "xz" else None
            stream = pa.input_stream(self.path, compression=packed)
        return lzma.open(stream) if self.compression == "xz" else stream


def locate(text: str) -> Location:
    """The location that a path or a URL names; DataError where no file system has such URLs, or none is reachable."""
    if not is_url(text):
        return Location(text, str(Path(text).expanduser()), pafs.LocalFileSystem())
    try:
        refuse_secrets(text)
    except ValueError as problem:
        raise DataError(str(problem)) from None
    with reached(text):
        filesystem, path = _filesystem(text)
    return Location(text, path, filesystem)


def matching(text: str) -> list[str]:
    """The files that a path with wildcards matches, in the order of their names; a path that exists is itself.

    ``*`` and ``?`` stand for any characters but a slash, ``[ab]`` for one of them, ``**`` for any folders; in a URL
    only stars do. Where only folders match, these are the result.
    """
    if not re.search(r"\*" if is_url(text) else WILDCARDS, text):
        return [text]
    location = locate(text)
    if location.kind != pafs.FileType.NotFound:
        return [text]
    folder, slash, inside = _split_at_wildcard(location.path)
    base = folder or slash or "."
    selector = pafs.FileSelector(base, recursive="/" in inside, allow_not_found=True)
    with reached(text):
        entries = location.filesystem.get_file_info(selector)
    pattern, first = re.compile(_regular(inside)), 0 if base == "." else len(folder + slash)
    names = {entry.path.replace("\\", "/").removeprefix("./"): entry.type for entry in entries}
    names = {name: kind for name, kind in names.items() if pattern.fullmatch(name[first:])}
    files = [name for name, kind in names.items() if kind == pafs.FileType.File] or list(names)
    if not files:
        raise DataError(f"no file matches '{text}'{_where(text)}")
    if not is_url(text):
        return sorted(files)
    scheme, _, rest = text.partition("://")
    query = "".join(rest.partition("?")[1:])
    return [name if is_url(name) else f"{scheme}://{name}{query}" for name in sorted(files)]


def _split_at_wildcard(path: str) -> tuple[str, str, str]:
    """The folder above the first wildcard, a slash, and the pattern below it."""
    path = path.replace("\\", "/")
    wild = WILDCARDS.search(path)
    folder, slash, _ = path[: wild.start() if wild else None].rpartition("/")
    return folder, slash, path[len(folder + slash) :]


class TableNotFoundError(DataError):
    """No table where one was looked for; ``fact`` says where, without the way out."""

    def __init__(self, fact: str, key: str | None = None, file: str | None = None) -> None:
        """``key``: what names the table in a search file; ``file``: the search file that names it."""
        super().__init__(fact if None in (key, file) else f"{fact}; if it was moved, change {key} in {file}")
        self.fact, self.key = fact, key


def refuse_absent(location: Location, key: str | None) -> None:
    """Raise TableNotFoundError where nothing is there; ``key`` is as for ``open_table``."""
    if location.kind != pafs.FileType.NotFound:
        return
    path = Path(location.path)
    beside = [] if is_url(location.text) or not path.parent.is_dir() else [part.name for part in path.parent.iterdir()]
    raise TableNotFoundError(f"no table '{location.text}'{_where(location.text)}{nearest(path.name, beside)}", key)


def _where(text: str) -> str:
    """The folder that a relative path was looked for in."""
    return "" if is_url(text) or Path(text).expanduser().is_absolute() else f" in '{Path.cwd()}'"


@contextmanager
def reached(text: str) -> Iterator[None]:
    """Turn errors of a file system into DataErrors of one line."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"no table '{text}'") from None
    except (ImportError, pa.ArrowException, OSError, ValueError) as problem:
        if isinstance(problem, OSError) and not is_url(text):
            raise
        reason = shorten((str(problem).splitlines() or [type(problem).__name__])[0], 240, placeholder=" ...")
        advice = "; are the network and the credentials of this machine right?" if isinstance(problem, OSError) else ""
        raise DataError(f"'{text}' cannot be reached: {reason}{advice}") from None


def _filesystem(text: str) -> tuple[Any, str]:
    """The file system of a URL, and the path within it."""
    scheme = text.partition("://")[0].lower()
    if scheme in ("gs", "gcs") and "retry_limit_seconds" not in text:
        text += f"{'&' if '?' in text else '?'}retry_limit_seconds={RETRIES}"
    try:
        return pafs.FileSystem.from_uri(text)  # type: ignore[no-any-return]
    except pa.ArrowInvalid as problem:
        if "nrecognized filesystem" not in str(problem):
            raise
    from fsspec.core import url_to_fs  # it comes with torch

    filesystem, path = url_to_fs(text)
    return pafs.PyFileSystem(pafs.FSSpecHandler(filesystem)), path


def _regular(pattern: str) -> str:
    """A regular expression of a path with wildcards; a name that begins with a dot is hidden from them."""
    visible = r"(?:(?<![^/])(?!\.)|(?<=[^/]))"  # a name does not begin here with a dot
    words = {"**/": r"(?:(?!\.)[^/]+/)*", "**": ".*", "*": f"{visible}[^/]*", "?": f"{visible}[^/]"}
    expression = ""
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", pattern, flags=re.DOTALL):
        is_set = len(token) > 1 and token.startswith("[")
        expression += words.get(token) or (visible + token.replace("[!", "[^") if is_set else re.escape(token))
    return expression
