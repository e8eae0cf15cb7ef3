"""A temporary folder of a search, which only its user can open; what a killed search left is removed by the next."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "mtl-nas-"
LONGEST = 40  # characters of its path: those of a socket below it are limited to about 100


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make the folder, with mode 0700, and remove it at the end."""
    parent = Path(tempfile.gettempdir())
    if len(str(parent)) > LONGEST - len(PREFIX) and Path("/tmp").is_dir():  # the folder itself is private
        parent = Path("/tmp")
    remove_folders_of_dead_processes(parent)
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def remove_folders_of_dead_processes(parent: Path) -> None:
    """Remove what searches of this user left whose process was killed."""
    for path in parent.glob(f"{PREFIX}*"):
        match = re.fullmatch(rf"{PREFIX}(\d+)-\w+", path.name)
        with suppress(OSError):
            if match and not path.is_symlink() and path.stat().st_uid == os.getuid() and not _alive(int(match[1])):
                shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
