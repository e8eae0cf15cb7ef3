"""Trains the designs that a finished search has compared on further fresh seeds, and adds them to its record."""

from pathlib import Path

from mtl_nas.data import Dataset
from mtl_nas.record import Chosen, RunFolder
from mtl_nas.study.execution.in_process import do_jobs
from mtl_nas.study.jobs import seed_of
from mtl_nas.study.opened_run import opened_run
from mtl_nas.study.run import Run, load_run
from mtl_nas.study.schedule.comparison import compared_networks
from mtl_nas.study.search_request import refuse_other_data
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection.selection import finish


def add_seeds(path: str | Path, data: Dataset, seeds: int, *, device: str = "cpu", progress: bool = False) -> Run:
    """Compare the designs of a finished search on more fresh seeds.

    Seeds that a design has are not trained again. A design that is clearly behind gets no further ones. The model in
    ``best/`` stays. A call that was interrupted is continued by the same call, or by ``resume``.

    Args:
        path: the run folder.
        data: the data set of the run.
        seeds: the number of fresh seeds that a design has afterwards.
        device: ``cpu`` or ``cuda``; trainings are done one after the other.
        progress: print the progress to standard error.

    Returns:
        The run with the new results.

    Raises:
        RunError: the folder holds no finished run, is in use, or the data have changed.
    """
    folder = RunFolder(path)
    load_run(path).refuse_unfinished()
    with folder.lock():
        refuse_other_data(folder, folder.request(), data.fingerprint)
        opened = opened_run(folder, data, workers=1, progress=progress)
        with opened.progress:
            chosen = with_seeds(opened.journal.state, seeds)
            if chosen is not None:
                opened.journal.write(chosen)
            do_jobs(opened.driver, data, folder, device=device)
            finish(folder, opened.journal, data)
    return load_run(path)


def with_seeds(state: SearchState, seeds: int) -> Chosen | None:
    """The event that gives all compared designs a number of seeds; None if they are chosen already."""
    before = state.chosen
    numbers = tuple(dict.fromkeys(name.number for name in compared_networks(state)))
    if before is not None and before.numbers:
        numbers = before.numbers
    all_seeds = tuple(seed_of(state.settings.seed, "finalist", index) for index in range(seeds))
    if before is not None and before.trainings is None and len(before.seeds) >= seeds:
        return None
    return Chosen(numbers=numbers, seeds=all_seeds)
