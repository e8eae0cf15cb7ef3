"""A temporary folder of a search, which only its user can open; what a killed search left is removed by the next."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "mtl-nas-"
LOCK = ".lock"  # held while the search lives; the operating system frees it, also between containers
LONGEST = 40  # characters of its path: those of a socket below it are limited to about 100


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make the folder, with mode 0700, and remove it at the end."""
    parent = Path(tempfile.gettempdir())
    if len(str(parent)) > LONGEST - len(PREFIX) and Path("/tmp").is_dir():  # the folder itself is private
        parent = Path("/tmp")
    remove_abandoned_folders(parent)
    hidden = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=parent))  # until it is locked, so that no search removes it
    path = hidden.with_name(hidden.name.removeprefix("."))
    try:
        with FileLock(hidden / LOCK):
            hidden.rename(path)
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def remove_abandoned_folders(parent: Path) -> None:
    """Remove folders of searches of this user whose process was killed."""
    for lock in parent.glob(f"{PREFIX}*/{LOCK}"):
        folder = lock.parent
        with suppress(OSError, Timeout):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with FileLock(lock, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
