"""Files of a run folder by name, for workers on any machine."""

from pathlib import Path

from mtl_nas.files import write_whole


class FileStore:
    """Reads and writes files of a run folder, in a process on the machine that holds the folder."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def ping(self) -> None:
        """Answer, which shows that the process and its machine are alive."""

    def put(self, name: str, content: bytes) -> None:
        write_whole(self._folder / name, content)

    def get(self, name: str) -> bytes | None:
        """The content of a file, None if there is no such file."""
        path = self._folder / name
        return path.read_bytes() if path.exists() else None
