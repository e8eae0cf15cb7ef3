"""``trials.jsonl``: one event per line, one writer, only ever appended to."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from mtl_nas.errors import RunError
from mtl_nas.record.events import EVENTS, Event
from mtl_nas.record.older_versions import current_event
from mtl_nas.tree_files import json_tree


class Record:
    """The events of a run on disk; everything else about a run is derived from them.

    A crash may leave a torn last line. Readers skip it, and ``repair`` cuts it off before the first append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Event]:
        """Yield the events of all whole lines, in their order."""
        if not self.path.exists():
            return
        text = self.path.read_bytes()
        for number, line in enumerate(text[: text.rfind(b"\n") + 1].splitlines(), start=1):
            try:
                yield _read(line)
            except ValueError as problem:
                raise RunError(f"{self.path}: line {number} is no event of this version: {_reason(problem)}") from None

    def append(self, event: Event) -> None:
        """Write an event, and return when it is on the disk."""
        line = json.dumps(event.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, allow_nan=False)
        with self.path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def repair(self) -> bool:
        """Cut off a torn last line; return whether there was one."""
        if not self.path.exists():
            return False
        text = self.path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole == len(text):
            return False
        with self.path.open("r+b") as file:
            file.truncate(whole)
        return True


def _read(line: bytes) -> Event:
    """The event of a line; lines of version 0.1.0 have the key ``fact`` in place of ``event``."""
    tree = json_tree(line)
    is_old = isinstance(tree, dict) and "fact" in tree
    return EVENTS.validate_python(current_event(tree) if is_old else tree)


def _reason(problem: ValueError) -> str:
    if isinstance(problem, ValidationError):
        return problem.errors(include_url=False)[0]["msg"]
    is_text = isinstance(problem, json.JSONDecodeError | UnicodeDecodeError)
    return f"Invalid JSON: {problem}" if is_text else str(problem)
