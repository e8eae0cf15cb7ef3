"""Writes ``best/`` of a run: each time whole, so that it can be read while the search goes on."""

from mtl_nas.data import Dataset
from mtl_nas.files import sweep_folder
from mtl_nas.record import Event, NetworkName, RunFolder, Selected
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection.finalist_files import FinalistFiles


class BestFolder:
    """A watcher of a journal, with the journal's state, that keeps ``best/`` at the network that was selected last."""

    def __init__(self, folder: RunFolder, data: Dataset, state: SearchState) -> None:
        self._files, self._state = FinalistFiles(folder, data), state

    def __call__(self, event: Event) -> None:
        if isinstance(event, Selected):
            self._write(event)

    def restore(self) -> None:
        """Write again what the record says, as a search may have ended between its event and the folder."""
        folder, selected = self._files.folder, self._state.selected
        for path in (folder.best, folder.single, folder.ensemble):
            sweep_folder(path)
        if self._state.best is None and selected is not None:
            self._write(selected)

    def _write(self, selected: Selected) -> None:
        trial = self._state.trials[selected.number]
        name = NetworkName(selected.number, selected.seed, selected.rung)
        self._files.write(self._files.model(name, trial), self._files.folder.best, about=self._files.about(trial))
