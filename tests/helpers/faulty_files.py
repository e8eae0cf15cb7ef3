"""Operations on the files of one folder, counted, and a fault at one of them: an error of the disk, or a kill.

Python reaches files through ``io.open`` and functions of ``os``; they are replaced while ``faults_in`` is entered.
Files that Rust reads, those of safetensors, are counted where the package calls its readers. Nothing is synchronised to
the disk meanwhile, as a killed process does not take the cache of the system along.
"""

import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WRITES = {"write", "create", "sync", "replace", "folder"}  # what a full disk refuses
CHANGES = WRITES | {"remove", "truncate"}  # what a disk that can only be read refuses


class Fault:
    """What happens at one operation of a folder, and perhaps at those after it.

    Args:
        at: The number of the operation, from 0; -1 for no fault.
        error: The number of the error, or None for SIGKILL.
        kinds: The kinds of operation that meet the fault; the others go on as if there were none.
        lasting: Whether all operations of these kinds from then on fail.
    """

    def __init__(self, at: int, error: int | None = None, *, kinds: set[str] | None = None, lasting: bool = False):
        self.at, self.error, self.kinds, self.lasting = at, error, kinds, lasting
        self.operations: list[tuple[str, str]] = []  # the kind and the name of the file
        self.happened = 0

    def meets(self, kind: str, path: str) -> bool:
        """Count an operation; whether it meets the fault."""
        number = len(self.operations)
        self.operations.append((kind, os.path.basename(path)))
        due = number >= self.at if self.lasting else number == self.at
        if self.at < 0 or not due or (self.kinds is not None and kind not in self.kinds):
            return False
        self.happened += 1
        return True

    def happen(self, path: str) -> None:
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise OSError(self.error, os.strerror(self.error), path)

    def operation(self, kind: str, path: str) -> None:
        if self.meets(kind, path):
            self.happen(path)


class File:
    """A file that is written; at a fault, half of what is written arrives before."""

    def __init__(self, file: Any, path: str, fault: Fault) -> None:
        self._file, self._path, self._fault = file, path, fault

    def write(self, content: Any) -> Any:
        if self._fault.meets("write", self._path):
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            self._fault.happen(self._path)
        return self._file.write(content)

    def truncate(self, *size: int) -> Any:
        self._fault.operation("truncate", self._path)
        return self._file.truncate(*size)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)


@contextmanager
def faults_in(folder: Path, fault: Fault) -> Iterator[Fault]:
    """Let a fault happen to the files below a folder."""
    top = os.path.realpath(folder)

    def below(path: Any, dir_fd: int | None = None) -> str | None:
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        elif dir_fd is not None:
            path = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), os.fspath(path))
        path = os.path.abspath(os.fsdecode(path))
        return path if path == top or path.startswith(top + os.sep) else None

    real_open, real_os_open, real_fsync = io.open, os.open, os.fsync

    def opened(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        name = None if isinstance(path, int) else below(path)
        if name is None:
            return real_open(path, mode, *arguments, **options)
        writes = set(mode) & set("wax+")
        fault.operation("create" if writes else "read", name)
        file = real_open(path, mode, *arguments, **options)
        return File(file, name, fault) if writes else file

    def os_opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        name = below(path, options.get("dir_fd"))
        if name is not None and not os.path.isdir(name):
            fault.operation("create" if flags & (os.O_WRONLY | os.O_RDWR) else "read", name)
        return real_os_open(path, flags, *arguments, **options)

    def synced(descriptor: int) -> None:
        name = below(descriptor)
        if name is None:
            real_fsync(descriptor)
        else:
            fault.operation("sync", name)

    def counted(name: str, kind: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            inside = below(path, options.get("dir_fd", options.get("src_dir_fd")))
            if inside is not None:
                fault.operation(kind, inside)
            return real(path, *arguments, **options)

        return call

    def read_by_rust(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            if (name := below(path)) is not None:
                fault.operation("read", name)
            return real(path, *arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", opened)
        patch.setattr("builtins.open", opened)
        patch.setattr(os, "open", os_opened)
        patch.setattr(os, "fsync", synced)
        for name, kind in OPERATIONS.items():
            patch.setattr(os, name, counted(name, kind))
        for name, module in list(sys.modules.items()):
            for reader in {"load_file", "safe_open"} & set(vars(module) if name.startswith("mtl_nas.") else ()):
                patch.setattr(module, reader, read_by_rust(getattr(module, reader)))
        yield fault


OPERATIONS = {
    "replace": "replace",
    "rename": "replace",
    "mkdir": "folder",
    "unlink": "remove",
    "remove": "remove",
    "rmdir": "remove",
    "truncate": "truncate",
}
DISKS = {  # the error of each fault of a disk, and the kinds of operation that meet it
    "full": (errno.ENOSPC, WRITES),
    "broken": (errno.EIO, CHANGES | {"read"}),
    "read-only": (errno.EROFS, CHANGES),
}
