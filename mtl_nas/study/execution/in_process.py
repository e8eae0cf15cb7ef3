"""Does the jobs of a search in this process, one after the other: for searches of seconds, as Ray starts slowly."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mtl_nas.data import Dataset
from mtl_nas.record import RunFolder
from mtl_nas.record.file_store import FileStore
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.execution.worker import work


def execute(driver: Driver, data: Dataset, folder: RunFolder, resources: Resources) -> None:
    """Do the jobs of a driver until the search is done, on a GPU if there is one and ``resources`` allow it."""
    on_gpu = resources.gpus != 0 and torch.cuda.is_available()
    driver.runs_on(1, 1 if on_gpu else 0)
    with unchanged_torch():
        do_jobs(driver, data, folder, device="cuda" if on_gpu else "cpu")


def do_jobs(driver: Driver, data: Dataset, folder: RunFolder, *, device: str) -> None:
    """Do the jobs that a driver has now and those that follow from them."""
    files, rows = FileStore(str(folder.path)), data.for_search()
    while jobs := driver.next_jobs():
        results = work(jobs, rows, get=files.get, put=files.put, device=device)
        for job, result in zip(jobs, results, strict=True):
            driver.job_done(job, result)


@contextmanager
def unchanged_torch() -> Iterator[None]:
    """Afterwards, torch has the number of threads and the states of random numbers that it had before."""
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        torch.set_num_threads(threads)
