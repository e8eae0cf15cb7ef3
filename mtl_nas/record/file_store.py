"""Files of a run by name: what workers anywhere put into the run folder, and get back."""

from pathlib import Path

from mtl_nas.record.folder import write_whole


class FileStore:
    """Lives where the run folder is; light, as it is a process of its own beside the workers."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def put(self, name: str, content: bytes) -> None:
        """Keep a file."""
        write_whole(self._folder / name, content)

    def get(self, name: str) -> bytes | None:
        """A file, if it is there."""
        path = self._folder / name
        return path.read_bytes() if path.exists() else None
