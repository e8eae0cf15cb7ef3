"""The run folder: plain files, no optuna, no torch."""

from mtl_nas.record.events import Event
from mtl_nas.record.folder import RunFolder, write_whole
from mtl_nas.record.journal import Record
from mtl_nas.record.request import Request
from mtl_nas.record.state import Standing, Trial
from mtl_nas.settings import Budget, SearchSettings

__all__ = ["Budget", "Event", "Record", "Request", "RunFolder", "SearchSettings", "Standing", "Trial", "write_whole"]
