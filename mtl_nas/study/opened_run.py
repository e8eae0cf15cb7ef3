"""A run folder with all that goes on with its search: the state, the journal, the driver and the watchers."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mtl_nas.data import Dataset
from mtl_nas.record import Journal, Request, RunFolder
from mtl_nas.space import SearchSpace, read_space
from mtl_nas.study.clock import Clock
from mtl_nas.study.driver import Driver
from mtl_nas.study.objectives import limit_sentences
from mtl_nas.study.progress import Progress
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.search_request import other_versions, portfolio_to_try, presets_to_try
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection import BestFolder

LOG = logging.getLogger("mtl_nas")


@dataclass(frozen=True)
class OpenedRun:
    """The parts of a search that goes on; the caller has the lock of its folder."""

    journal: Journal[SearchState]
    driver: Driver
    space: SearchSpace
    progress: Progress
    best_folder: BestFolder
    remarks: tuple[str, ...]  # on presets and limits


def opened_run(folder: RunFolder, data: Dataset, *, workers: int, progress: bool = False) -> OpenedRun:
    """Read the record of a run, after a torn last line is cut off; ``workers``: an estimate until they are started."""
    request = folder.request()
    folder.record.repair()
    space = read_space(request.space, request.space_name).for_schema(data.schema)
    presets, incompatible = presets_to_try(request, data)
    sizes, training = [len(fold.rows("train")) for fold in data.folds], space.default().training
    full_rows = max(1, round(sum(training.work(rows).epochs * rows for rows in sizes)))
    portfolio = portfolio_to_try(request.settings, space, data.schema)
    state = SearchState.of(request, presets=presets, portfolio=portfolio, full_rows=full_rows)
    details = LOG.isEnabledFor(logging.DEBUG)
    watcher = Progress(state, data.schema, shown=progress, details=details)
    best_folder = BestFolder(folder, data, state)
    journal = Journal(folder.record, state, [best_folder, watcher])
    proposer = Proposer(journal, space, data.schema, presets, portfolio=portfolio)
    return OpenedRun(
        journal=journal,
        driver=Driver(journal, proposer, Clock(state, workers=workers)),
        space=space,
        progress=watcher,
        best_folder=best_folder,
        remarks=tuple(_remarks(request, incompatible, details=details)),
    )


def _remarks(request: Request, incompatible: Mapping[str, str], *, details: bool) -> Iterator[str]:
    if details:
        yield from (f"preset {name}: n/a, {reason}" for name, reason in incompatible.items())
    elif incompatible:
        count = f"{len(incompatible)} preset{'s do' if len(incompatible) > 1 else ' does'} not suit the data"
        yield f"{count}: {', '.join(incompatible)} (why: --verbose)"
    yield from limit_sentences(request.settings.limits)


def warn_of_other_versions(progress: Progress, request: Request) -> None:
    """Say which packages have changed since the search was begun."""
    for change in other_versions(request):
        progress.remark(f"begun with {change}: decisions that are recorded stand, new ones may differ", style="yellow")
