"""The run folder: plain files, read and written without torch, ray or optuna.

settings.py, request.py     the options of a search; ``search.yaml``, which a search is repeated from
events.py, event_log.py     what happened, one event per line of ``trials.jsonl``
trial.py, state.py          the state of a trial and of a run after some events
journal.py                  writes an event to the record, the state and the watchers at once
folder.py, layout.py        the folder, its lock, and the names of its files
file_store.py, run_server.py    files and jobs for workers on other machines
"""

from mtl_nas.record.diagnosis import Activity, Agreement, Diagnosis, Mixture
from mtl_nas.record.event_log import Record
from mtl_nas.record.events import (
    EVENTS,
    Best,
    Chosen,
    Closed,
    Ensembled,
    Event,
    Failed,
    Failure,
    Finalist,
    Measured,
    Member,
    Note,
    Piloted,
    Promoted,
    Proposed,
    Retired,
    Scored,
    Selected,
    Stopped,
    Tested,
)
from mtl_nas.record.file_store import FileStore
from mtl_nas.record.folder import RunFolder
from mtl_nas.record.journal import Journal, Watcher
from mtl_nas.record.layout import NetworkName
from mtl_nas.record.request import Request
from mtl_nas.record.run_server import Heartbeat, RunServer
from mtl_nas.record.state import RunState
from mtl_nas.record.trial import Trial
from mtl_nas.settings import Budget, SearchSettings

__all__ = [
    "EVENTS",
    "Activity",
    "Agreement",
    "Best",
    "Budget",
    "Chosen",
    "Closed",
    "Diagnosis",
    "Ensembled",
    "Event",
    "Failed",
    "Failure",
    "FileStore",
    "Finalist",
    "Heartbeat",
    "Journal",
    "Measured",
    "Member",
    "Mixture",
    "NetworkName",
    "Note",
    "Piloted",
    "Promoted",
    "Proposed",
    "Record",
    "Request",
    "Retired",
    "RunFolder",
    "RunServer",
    "RunState",
    "Scored",
    "SearchSettings",
    "Selected",
    "Stopped",
    "Tested",
    "Trial",
    "Watcher",
]
