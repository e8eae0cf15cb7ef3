"""The run folder: plain files, no optuna, no torch."""

from mtl_nas.record.facts import Fact
from mtl_nas.record.folder import RunFolder, write_whole
from mtl_nas.record.record import Record
from mtl_nas.record.request import Budget, Request
from mtl_nas.record.trials import Standing, Trial

__all__ = ["Budget", "Fact", "Record", "Request", "RunFolder", "Standing", "Trial", "write_whole"]
