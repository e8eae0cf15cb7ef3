"""Does jobs in a worker, without the driver's disk and without state between jobs."""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import TypeVar

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.errors import DataError, MtlNasError
from mtl_nas.evaluation import predict_held_out
from mtl_nas.model import LATENCY_BATCH, latency_ms
from mtl_nas.record import Measured, layout
from mtl_nas.scoring import held_out_scores, mean_score, mean_scores
from mtl_nas.study.execution.saved_state import of_this_training, owner
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.training import (
    Checkpoint,
    CheckpointError,
    DivergedError,
    Fit,
    FitData,
    FitOptions,
    Member,
    Outcome,
    stackable,
)

Get = Callable[[str], bytes | None]
Put = Callable[[str, bytes], None]
T = TypeVar("T")
LOG = logging.getLogger(__name__)


def work(jobs: Sequence[Job], data: Dataset, *, get: Get, put: Put, device: str = "cpu") -> tuple[JobResult, ...]:
    """Do jobs, as one if they can be stacked; ``get`` and ``put`` read and write files of the run folder by name.

    Failures are returned as results, so that the worker can go on.
    """
    torch.set_num_threads(1)  # with two threads, one of which has no free core, training is ten times slower
    runner = _JobRunner(data, get, put, device)
    results = runner.together(jobs)
    if results is None and len(jobs) > 1:
        with suppress(RuntimeError):  # torch raises one here after the capture of a CUDA graph failed
            torch.cuda.empty_cache()
    return results or tuple(runner.alone(job) for job in jobs)


class _LimitError(Exception):
    """A measured cost is above a limit."""


class _MachineError(Exception):
    """A file of the run could not be read or written."""


@dataclass(frozen=True)
class _StartedJob:
    """A job, and its member of a fit at the state of the rung below; with folds, the member of one fold."""

    job: Job
    member: Member
    fold: int | None
    rows: int  # rows trained up to the rung below
    latency: float | None  # milliseconds per batch


@dataclass(frozen=True)
class _JobRunner:
    """Does jobs on a data set; files are read and written by name."""

    data: Dataset
    get: Get
    put: Put
    device: str

    def alone(self, job: Job) -> JobResult:
        start = time.perf_counter()
        result = _guarded(partial(self._run, job))
        return result.model_copy(update={"seconds": time.perf_counter() - start})

    def together(self, jobs: Sequence[Job]) -> tuple[JobResult, ...] | None:
        """Do several jobs as one stack; None with folds, if they cannot be stacked, memory is short or it fails."""
        if len(jobs) < 2 or len(self.data.folds) > 1 or any(job.common != jobs[0].common for job in jobs):
            return None
        start, data = time.perf_counter(), FitData.of(self.data)
        started, members = list[_StartedJob | JobResult](), list[Member]()
        for job in jobs:
            started.append(_guarded(partial(self._start, job, data, None)))
            members = [item.member for item in started if isinstance(item, _StartedJob)]
            if _out_of_memory(started[-1]) or (members and not stackable(members)):
                return None
        outcomes = _guarded(partial(_advanced, members, jobs[0])) if members else []
        if isinstance(outcomes, JobResult):
            return None  # jobs that run alone show which of them fails
        remaining = iter(outcomes)
        results = [
            item if isinstance(item, JobResult) else _guarded(partial(self._end, [item], [next(remaining)]))
            for item in started
        ]
        if any(map(_out_of_memory, results)):
            return None
        seconds = (time.perf_counter() - start) / len(jobs)
        return tuple(result.model_copy(update={"seconds": seconds}) for result in results)

    def _run(self, job: Job) -> JobResult:
        started, outcomes = list[_StartedJob](), list[Outcome]()
        folds = self.data.folds
        for index, fold in enumerate(folds):
            started.append(self._start(job, FitData.of(fold), index if len(folds) > 1 else None))
            outcomes += _advanced([started[-1].member], job)
        return self._end(started, outcomes)

    def _start(self, job: Job, data: FitData, fold: int | None) -> _StartedJob:
        member = self._member(job, data)
        latency = self._latency(job, member) if job.latency and not fold else None
        saved = None if job.from_rung is None else self._read(layout.state_file(job.number, job.from_rung, fold))
        if saved is not None:  # without its state, a trial is trained from the start, with the same result
            try:
                member.restore(Checkpoint.from_bytes(of_this_training(job, saved)))
            except CheckpointError as problem:
                LOG.warning(f"trial {job.number} is trained from the start: {problem}")
        return _StartedJob(job, member, fold, member.rows, latency)

    def _member(self, job: Job, data: FitData) -> Member:
        design, training = job.proposal.design, job.proposal.training.model_copy(update={"seed": job.seed})
        options = FitOptions(device=self.device, task_weights=job.weights)
        return Member(compose(design, data.schema), design.losses, training, data, options)

    def _latency(self, job: Job, member: Member) -> float:
        latency = latency_ms(member.network, self.data.rows("tuning"), self.data.schema, device=self.device)
        limit = job.limits.get("latency_ms")
        if limit is not None and latency > limit:
            raise _LimitError(
                f"{latency:.2f} ms per batch of {LATENCY_BATCH} predictions, above the limit of {limit:g}"
            )
        return latency

    def _end(self, started: Sequence[_StartedJob], outcomes: Sequence[Outcome]) -> JobResult:
        """The result of a job from its member, or from its members of all folds."""
        checks = []
        for outcome in outcomes:
            if isinstance(outcome, DivergedError):
                raise outcome
            checks.append(outcome)
        job = started[0].job
        scores, choosing = mean_scores([check.scores for check in checks]), None
        if job.kind == "finalist" or job.keep_network:
            choosing = self._kept(job, started)
        if job.keep_state:
            for part in started:
                file = layout.state_file(job.number, job.rung, part.fold)
                self._write(file, owner(job) + part.member.checkpoint().to_bytes())
        if job.kind == "finalist" and choosing is not None:
            scores, choosing = choosing.scores, None
        return JobResult(
            score=mean_score(scores, self.data.schema, job.weights),
            scores=scores,
            choosing=choosing,
            rows=sum(part.member.rows - part.rows for part in started),
            rows_per_second=fmean(part.member.rows_per_second for part in started),
            latency_ms=started[0].latency,
        )

    def _read(self, name: str) -> bytes | None:
        try:
            return self.get(name)
        except Exception as problem:
            raise _MachineError(f"'{name}' of the run folder cannot be read: {_reason(problem)}") from problem

    def _write(self, name: str, content: bytes) -> None:
        try:
            self.put(name, content)
        except Exception as problem:
            raise _MachineError(f"'{name}' of the run folder cannot be written: {_reason(problem)}") from problem

    def _kept(self, job: Job, started: Sequence[_StartedJob]) -> Measured:
        """Score the network of a job on the choosing rows, and keep its weights and predictions."""
        networks = [part.member.best_network() for part in started]
        predictions = predict_held_out(networks, self.data, "choosing", device=self.device)
        scores = held_out_scores(predictions, self.data, "choosing")
        for part, network in zip(started, networks, strict=True):
            weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.weights().items()}
            self._write(layout.weights_file(job.network, part.fold), save_tensors(weights))
        arrays = {name: np.ascontiguousarray(values) for name, values in predictions.items()}
        self._write(layout.choosing_predictions_file(job.network), save_arrays(arrays))
        return Measured(score=mean_score(scores, self.data.schema, job.weights), scores=scores)


def _advanced(members: Sequence[Member], job: Job) -> list[Outcome]:
    fit = Fit(*members)
    for share in job.stops:  # of a trial that is trained from the start; with its state, nothing is done up to there
        fit.advance(share)
    return fit.advance(job.share)


def _out_of_memory(result: object) -> bool:
    return isinstance(result, JobResult) and result.failure == "memory"


def _guarded(call: Callable[[], T]) -> T | JobResult:
    """Return the result of a call, or its failure."""
    try:
        return call()
    except DivergedError as problem:
        return JobResult(failure="diverged", reason=str(problem))
    except _LimitError as problem:
        return JobResult(failure="limit", reason=str(problem))
    except (_MachineError, DataError, OSError) as problem:
        return JobResult(failure="machine", reason=_reason(problem), trace=traceback.format_exc())
    except (MemoryError, torch.cuda.OutOfMemoryError):
        return JobResult(failure="memory", reason="out of memory; search smaller models, batches or fewer workers")
    except torch.AcceleratorError:
        raise  # the GPU is unusable in this process; another worker repeats the job
    except RuntimeError as problem:
        memory = "memory" in str(problem)
        return JobResult(failure="memory" if memory else "error", reason=_reason(problem), trace=traceback.format_exc())
    except Exception as problem:  # recorded, and the search continues
        return JobResult(failure="error", reason=_reason(problem), trace=traceback.format_exc())


def _reason(problem: Exception) -> str:
    first_line = next(iter(str(problem).strip().splitlines()), "")
    if isinstance(problem, MtlNasError | _MachineError):
        return first_line
    cause = getattr(problem, "cause", None)  # of an error in another process of Ray
    return _reason(cause) if isinstance(cause, Exception) else f"{type(problem).__name__}: {first_line}"
