"""The report that a search of the command line leaves in its run folder."""

import logging
import traceback
from pathlib import Path

from mtl_nas.comparison import Comparison
from mtl_nas.data import Dataset
from mtl_nas.errors import ExportError
from mtl_nas.record import layout
from mtl_nas.report import refuse_missing_extra, write_report
from mtl_nas.study import Run

LOG = logging.getLogger("mtl_nas")


def report_at_the_end(run: Run, data: Dataset, comparison: Comparison) -> str:
    """Write the report into the run folder, unless it is there and the record has not changed since.

    Returns:
        Where it is, or how to get it: without the extra, and after any failure, which never fails the search.
    """
    path = run.path / layout.REPORT
    by_hand = f"mtl-search report {run.path}"
    if _is_newer(path, run.folder.record.path):
        return str(path)
    try:
        refuse_missing_extra()
    except ExportError:
        return f"pip install 'mtl_nas[report]', then {by_hand}"
    try:
        return str(write_report(run, data=data, comparison=comparison))
    except Exception as problem:  # whatever it is, the search has succeeded
        LOG.debug("%s", traceback.format_exc())
        reason = next(iter(str(problem).splitlines()), "") or type(problem).__name__
        return f"not written: {reason}; try {by_hand}"


def _is_newer(path: Path, record: Path) -> bool:
    return path.exists() and path.stat().st_mtime_ns >= record.stat().st_mtime_ns
