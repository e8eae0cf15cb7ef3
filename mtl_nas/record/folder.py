"""A run on disk: its files, its one writer, and what was requested."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from mtl_nas.data import Declaration
from mtl_nas.errors import RunError
from mtl_nas.files import write_whole
from mtl_nas.record import layout
from mtl_nas.record.event_log import Record
from mtl_nas.record.request import Request
from mtl_nas.tree_files import read_tree
from mtl_nas.values import parse

LOCKS = (layout.OWNER, layout.LOCK)


class RunFolder:
    """The folder of one search."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.request_path = self.path / layout.REQUEST
        self.record = Record(self.path / layout.RECORD)
        self.states = self.path / layout.STATES
        self.best = self.path / layout.BEST
        self.ensemble = self.path / layout.ENSEMBLE
        self.single = self.path / layout.SINGLE

    @property
    def exists(self) -> bool:
        """Whether a search was begun here."""
        return self.request_path.exists()

    def request(self) -> Request:
        """Read the request of the search, or raise a RunError if the folder holds no run."""
        if not self.path.is_dir():
            raise RunError(f"no run folder '{self.path}'")
        if not self.exists:
            raise RunError(f"'{self.path}' is no run folder: it has no {layout.REQUEST}")
        tree = read_tree(self.request_path, RunError)
        if not isinstance(tree, Mapping) or "fingerprint" not in tree:
            raise RunError(
                f"'{self.path}' is no run folder: its {layout.REQUEST} is a search file; run it in a folder of its own"
            )
        request = parse(Request, tree, str(self.request_path), RunError)
        parse(Declaration, request.data, f"{self.request_path}: data", RunError)
        return request

    def begin(self, request: Request) -> None:
        """Make the folder, if it does not exist, and write the request."""
        self._refuse_other_content()
        self.path.mkdir(parents=True, exist_ok=True)
        tree = request.model_dump(mode="json")
        write_whole(self.request_path, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120).encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder for one writer, or raise a RunError that names the process that has the lock.

        The lock of a process that died is free. If no search was begun under the lock, its files are removed.
        """
        if not (self.path / layout.LOCK).exists():  # with a lock, a search may be about to begin here
            self._refuse_other_content()
        self.path.mkdir(parents=True, exist_ok=True)
        owner = self.path / layout.OWNER
        lock = FileLock(self.path / layout.LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(f"run folder '{self.path}' is in use by {_owner(owner)}; wait for it or stop it") from None
        try:
            owner.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
            yield
        finally:
            with suppress(OSError):  # of a disk that fails: the lock is released all the same
                owner.unlink(missing_ok=True)
            lock.release()
            if not self.exists:
                self._remove_lock()

    def _remove_lock(self) -> None:
        with suppress(OSError):  # of a disk that fails, or of a folder that is not empty
            (self.path / layout.LOCK).unlink(missing_ok=True)
            self.path.rmdir()

    def _refuse_other_content(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"'{self.path}' is a file, and a run needs a folder; give another --folder")
        if self.path.is_dir() and not self.exists and any(entry.name not in LOCKS for entry in self.path.iterdir()):
            raise RunError(f"folder '{self.path}' is not empty and holds no run; give another --folder")


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
