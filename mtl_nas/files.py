"""Files that are written whole or not at all: what was there before stays until the new content is complete."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mtl_nas.errors import MtlNasError

PART = ".part"  # ends the name of a file that is being written; the next writer of the file replaces it


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
