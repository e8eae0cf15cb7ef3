"""What runs in a worker: jobs, from nothing that a driver's disk holds. No state is kept between them."""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.evaluation import predict_and_score
from mtl_nas.model import LATENCY_BATCH, latency_ms
from mtl_nas.scoring import mean_score
from mtl_nas.study.jobs import Answer, Job, predictions_name, state_name, weights_name
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


def work(jobs: Sequence[Job], data: Dataset, *, get: Get, put: Put, device: str = "cpu") -> tuple[Answer, ...]:
    """Do jobs, as one where they can be; whatever goes wrong comes back as an answer, so that the worker lives on."""
    torch.set_num_threads(1)  # two threads beside a busy core made the loop ten times slower
    desk = _Desk(data, get, put, device)
    together = desk.together(jobs)
    if together is None and len(jobs) > 1:
        with suppress(RuntimeError):  # where the capture of a step failed, torch gives none back
            torch.cuda.empty_cache()
    return together or tuple(desk.alone(job) for job in jobs)


class _LimitError(Exception):
    """What was measured is above a limit."""


@dataclass(frozen=True)
class _Started:
    """A job and its member of a fit, which is where the rung before left it."""

    job: Job
    member: Member
    rows: int  # trained before
    latency: float | None


@dataclass(frozen=True)
class _Desk:
    """What jobs are done with."""

    data: Dataset
    get: Get
    put: Put
    device: str

    def alone(self, job: Job) -> Answer:
        """One job."""
        start = time.perf_counter()
        answer = _guarded(partial(self._done, job))
        return answer.model_copy(update={"seconds": time.perf_counter() - start})

    def together(self, jobs: Sequence[Job]) -> tuple[Answer, ...] | None:
        """Do several jobs as one; None if they cannot be stacked, or if that fails for all or for want of memory."""
        if len(jobs) < 2 or any(job.common != jobs[0].common for job in jobs):
            return None
        start, data = time.perf_counter(), FitData.of(self.data)
        started, members = list[_Started | Answer](), list[Member]()
        for job in jobs:
            started.append(_guarded(partial(self._started, job, data)))
            members = [one.member for one in started if isinstance(one, _Started)]
            if _memory(started[-1]) or (members and not stackable(members)):
                return None
        outcomes = _guarded(partial(_advanced, members, jobs[0].share)) if members else []
        if isinstance(outcomes, Answer):
            return None  # each alone says what is wrong with it
        ends = iter(outcomes)
        answers = [
            one if isinstance(one, Answer) else _guarded(partial(self._ended, one, next(ends))) for one in started
        ]
        if any(map(_memory, answers)):
            return None
        seconds = (time.perf_counter() - start) / len(jobs)
        return tuple(answer.model_copy(update={"seconds": seconds}) for answer in answers)

    def _done(self, job: Job) -> Answer:
        started = self._started(job, FitData.of(self.data))
        (outcome,) = _advanced([started.member], job.share)
        return self._ended(started, outcome)

    def _started(self, job: Job, data: FitData) -> _Started:
        member = self._member(job, data)
        latency = self._latency(job, member) if job.latency else None
        saved = None if job.from_rung is None else self.get(state_name(job.number, job.from_rung))
        if saved is not None:  # a state that was lost, or cannot be read, costs work and no result
            try:
                member.restore(Checkpoint.from_bytes(saved))
            except CheckpointError as problem:
                LOG.warning(f"trial {job.number} is trained from the start: {problem}")
        return _Started(job, member, member.rows, latency)

    def _member(self, job: Job, data: FitData) -> Member:
        design, training = job.proposal.design, job.proposal.training.model_copy(update={"seed": job.seed})
        options = FitOptions(device=self.device, task_weights=job.weights)
        return Member(compose(design, data.schema), design.losses, training, data, options)

    def _latency(self, job: Job, member: Member) -> float:
        latency = latency_ms(member.network, self.data.rows("tuning"), self.data.schema, device=self.device)
        most = job.limits.get("latency_ms")
        if most is not None and latency > most:
            raise _LimitError(f"{latency:.2f} ms a batch of {LATENCY_BATCH} predictions, above the limit of {most:g}")
        return latency

    def _ended(self, started: _Started, outcome: Outcome) -> Answer:
        if isinstance(outcome, DivergedError):
            raise outcome
        job, member = started.job, started.member
        if job.kind == "finalist":
            return self._finalist(job, member)
        if job.keep_state:
            self.put(state_name(job.number, job.rung), member.checkpoint().to_bytes())
        return Answer(
            score=outcome.score,
            scores=outcome.scores,
            rows=member.rows - started.rows,
            rows_per_second=member.rows_per_second,
            latency_ms=started.latency,
        )

    def _finalist(self, job: Job, member: Member) -> Answer:
        """Score a finalist on the choosing rows, and keep its weights and predictions."""
        network, schema = member.best_network(), self.data.schema
        predictions, scores = predict_and_score(network, self.data.rows("choosing"), schema, device=self.device)
        weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.weights().items()}
        self.put(weights_name(job.number, job.seed), save_tensors(weights))
        arrays = {name: np.ascontiguousarray(values) for name, values in predictions.items()}
        self.put(predictions_name(job.number, job.seed), save_arrays(arrays))
        score = mean_score(scores, schema, job.weights)
        return Answer(score=score, scores=scores, rows=member.rows, rows_per_second=member.rows_per_second)


def _advanced(members: Sequence[Member], share: float) -> list[Outcome]:
    return Fit(*members).advance(share)


def _memory(found: object) -> bool:
    return isinstance(found, Answer) and found.failure == "memory"


def _guarded(call: Callable[[], T]) -> T | Answer:
    """What it gives, or an answer that says what went wrong."""
    try:
        return call()
    except DivergedError as problem:
        return Answer(failure="diverged", reason=str(problem))
    except _LimitError as problem:
        return Answer(failure="limit", reason=str(problem))
    except (MemoryError, torch.cuda.OutOfMemoryError):
        return Answer(failure="memory", reason="out of memory; search smaller models, batches or fewer workers")
    except torch.AcceleratorError:
        raise  # nothing more runs in this process: another one is tried
    except RuntimeError as problem:
        memory = "memory" in str(problem)
        return Answer(failure="memory" if memory else "error", reason=_reason(problem), trace=traceback.format_exc())
    except Exception as problem:  # of any kind: the search goes on, and says what happened
        return Answer(failure="error", reason=_reason(problem), trace=traceback.format_exc())


def _reason(problem: Exception) -> str:
    text = str(problem).strip().splitlines()
    known = isinstance(problem, MtlNasError)
    first = text[0] if text else ""
    return first if known else f"{type(problem).__name__}: {first}"
