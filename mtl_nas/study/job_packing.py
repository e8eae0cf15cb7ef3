"""Chooses jobs that a worker trains as one stack: on a GPU, they take little longer together than one alone."""

from collections.abc import Callable, Sequence
from math import ceil

from mtl_nas.architecture import Architecture
from mtl_nas.composition import MOST_MEMBERS, has_stackable_blocks, one_backward_pass
from mtl_nas.design import Design
from mtl_nas.study.jobs import Job
from mtl_nas.study.search_state import SearchState

Compose = Callable[[Design], Architecture]


def next_pack(state: SearchState, waiting: Sequence[Job], running: int, compose: Compose) -> tuple[Job, ...]:
    """The first waiting job, and the jobs that can be trained in one stack with it; empty if no job waits."""
    if not waiting or not _stackable(state, waiting[0], compose):
        return tuple(waiting[:1])
    alike = [job for job in waiting if job.common == waiting[0].common and not _lost_worker(state, job)]
    share = ceil((running + len(alike)) / state.gpus)  # of each GPU, so that none is idle
    return tuple(alike[: min(MOST_MEMBERS, share)])


def _stackable(state: SearchState, job: Job, compose: Compose) -> bool:
    design, training = job.proposal.design, job.proposal.training
    if not state.gpus or _lost_worker(state, job) or not one_backward_pass(design.losses, training):
        return False
    return has_stackable_blocks(compose(design))


def _lost_worker(state: SearchState, job: Job) -> bool:
    """Whether a worker died with the job; it then runs alone, so that no other job is lost with it."""
    return any(failure.failure == "lost" for failure in state.trials[job.number].failures)
