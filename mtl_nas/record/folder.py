"""A run on disk: where its files are, who is writing, what was asked."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from mtl_nas.data import Declaration
from mtl_nas.errors import RunError
from mtl_nas.record.journal import Record
from mtl_nas.record.request import Request
from mtl_nas.values import parse, read_tree

OWNER, LOCK = LOCKS = ("run.lock", ".run.lock")  # who is writing, for people; the lock that the system frees


class RunFolder:
    """One search on disk."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.request_path = self.path / "search.yaml"
        self.record = Record(self.path / "trials.jsonl")
        self.finalists = self.path / "finalists"
        self.states = self.path / "states"  # of unfinished trials; deleting them costs work, no result
        self.best = self.path / "best"
        self.ensemble = self.path / "ensemble"

    @property
    def exists(self) -> bool:
        """A search was begun here."""
        return self.request_path.exists()

    def request(self) -> Request:
        """What was asked; a RunError if this is no run."""
        if not self.path.is_dir():
            raise RunError(f"no run folder '{self.path}'")
        if not self.exists:
            raise RunError(f"'{self.path}' is no run folder: it has no search.yaml")
        tree = read_tree(self.request_path, RunError)
        if not isinstance(tree, Mapping) or "fingerprint" not in tree:
            raise RunError(
                f"'{self.path}' is no run folder: its search.yaml says what to search; run it in a folder of its own"
            )
        request = parse(Request, tree, str(self.request_path), RunError)
        parse(Declaration, request.data, f"{self.request_path}: data", RunError)
        return request

    def begin(self, request: Request) -> None:
        """Make the folder and write down what is asked."""
        self._refuse_foreign()
        self.path.mkdir(parents=True, exist_ok=True)
        tree = request.model_dump(mode="json")
        write_whole(self.request_path, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120).encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one writer; a RunError names who is. The lock of a process that died is free."""
        if not (self.path / LOCK).exists():  # else a search may be about to begin here
            self._refuse_foreign()
        self.path.mkdir(parents=True, exist_ok=True)
        owner = self.path / OWNER
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(f"run folder '{self.path}' is in use by {_owner(owner)}; wait for it or stop it") from None
        try:
            owner.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
            yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()

    def _refuse_foreign(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"'{self.path}' is a file, and a run needs a folder; give another --folder")
        if self.path.is_dir() and not self.exists and any(entry.name not in LOCKS for entry in self.path.iterdir()):
            raise RunError(f"folder '{self.path}' is not empty and holds no run; give another --folder")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers see all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _owner(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"process {found['pid']} on {found['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
