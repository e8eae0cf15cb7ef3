"""Files that are written whole or not at all: what was there before stays until the new content is complete."""

import ctypes
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from mtl_nas.errors import MtlNasError

Content = TypeVar("Content")

PART = ".part"  # ends the name of a file that is being written; the next writer of the file replaces it
OLD = ".old"  # ends the name of a folder while another one takes its place
EXCHANGE = 2  # the flag RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces the file at the end, but not after an error.

    The content is synchronised to the disk before, so that a crash leaves either the old or the new file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by name: all are complete before the first replaces its old version; they are replaced in order."""
    with ExitStack() as parts:
        for name, content in reversed(list(contents.items())):  # the stack is left from its end
            parts.enter_context(whole_file(folder / name)).write_bytes(content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: readers see either all of it or the file before."""
    with whole_file(path) as part:
        part.write_bytes(content)


def refuse_special_file(path: Path, error: type[MtlNasError] = MtlNasError) -> None:
    """Raise an error if the path is a pipe, a socket or a device, whose reading may wait or never end.

    Raises:
        OSError: There is nothing at the path, or it cannot be looked at.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        kind = "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
        raise error(f"'{path}' is a {kind}, which cannot be read twice; write its content to a file")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder to write to, which replaces the folder at the end, but not after an error.

    Where the operating system can exchange two folders at once (Linux, macOS), each moment has the old or the new
    folder at the path. Elsewhere there is a moment without one, which ``folder_at`` bridges.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    sweep_folder(path)
    part.mkdir()
    try:
        yield part
        _synchronise(part)
        if not path.exists():
            part.rename(path)
        elif not exchange(part, path):
            path.rename(path.with_name(path.name + OLD))
            part.rename(path)
        _synchronise_entry(path.parent)
    finally:
        sweep_folder(path)


def folder_at(path: Path) -> Path:
    """The folder at a path; the folder before, if a crash came between the two renames of a replacement."""
    old = path.with_name(path.name + OLD)
    return old if old.is_dir() and not path.exists() else path


def read_folder(path: Path, read: Callable[[Path], Content]) -> Content:
    """What a function reads from the files of a folder; it reads again if another folder takes the place meanwhile."""
    while True:
        current = folder_at(path)
        before = _identity(current)
        try:
            content = read(current)
        except (MtlNasError, OSError):
            if _identity(current) == before:
                raise
        else:
            if _identity(current) == before:
                return content


def _identity(path: Path) -> int | None:
    """A number that changes when another folder takes the place of a folder."""
    return path.stat().st_ino if path.exists() else None


def sweep_folder(path: Path) -> None:
    """Remove what a replacement of a folder that was cut has left, so that the old or the new folder is at the path."""
    if (old := folder_at(path)) != path:
        old.rename(path)
    for left in (path.with_name(path.name + PART), path.with_name(path.name + OLD)):
        shutil.rmtree(left, ignore_errors=True)


def exchange(first: Path, second: Path) -> bool:
    """Let two folders change their names at once; return whether the operating system can."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return bool(library.renamex_np(os.fsencode(first), os.fsencode(second), EXCHANGE) == 0)
        here = -100  # AT_FDCWD: paths are relative to the working folder
        return bool(library.renameat2(here, os.fsencode(first), here, os.fsencode(second), EXCHANGE) == 0)
    except (AttributeError, OSError, TypeError):  # another operating system, or an older C library
        return False


def _synchronise(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _synchronise_entry(folder: Path) -> None:
    """Synchronise the names in a folder, where the operating system lets a folder be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
