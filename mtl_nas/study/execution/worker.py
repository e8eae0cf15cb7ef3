"""What runs in a worker: jobs, from nothing that a driver's disk holds. No state is kept between them."""

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
from mtl_nas.data import Dataset, Rows
from mtl_nas.errors import MtlNasError
from mtl_nas.evaluation import judge
from mtl_nas.model.latency import BATCH, latency_ms
from mtl_nas.scoring import mean_score
from mtl_nas.study.jobs import Answer, Job, predictions_name, state_name, weights_name
from mtl_nas.training import DivergedError, Fit
from mtl_nas.training.stacked_fits import Outcome, advance_together, fusible

Get = Callable[[str], bytes | None]
Put = Callable[[str, bytes], None]
T = TypeVar("T")


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
class _Begun:
    """A job and its fit, which stands where the rung before left it."""

    job: Job
    fit: Fit
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
        """Several as one; None where they are no group, or where that fails for all or for want of memory."""
        if len(jobs) < 2 or any(job.common != jobs[0].common for job in jobs):
            return None
        start, found, fits = time.perf_counter(), list[_Begun | Answer](), list[Fit]()
        rows = self._rows()
        for job in jobs:
            found.append(_guarded(partial(self._begun, job, rows, fits[0] if fits else None)))
            fits = [one.fit for one in found if isinstance(one, _Begun)]
            if _memory(found[-1]) or (fits and not fusible(fits)):
                return None
        outcomes = _guarded(partial(advance_together, fits, jobs[0].share)) if fits else []
        if isinstance(outcomes, Answer):
            return None  # each alone says what is wrong with it
        ends = iter(outcomes)
        answers = [one if isinstance(one, Answer) else _guarded(partial(self._ended, one, next(ends))) for one in found]
        if any(map(_memory, answers)):
            return None
        seconds = (time.perf_counter() - start) / len(jobs)
        return tuple(answer.model_copy(update={"seconds": seconds}) for answer in answers)

    def _done(self, job: Job) -> Answer:
        begun = self._begun(job, self._rows())
        return self._ended(begun, begun.fit.advance(job.share))

    def _rows(self) -> tuple[Rows, Rows]:
        return self.data.rows("train"), self.data.rows("tuning")

    def _begun(self, job: Job, rows: tuple[Rows, Rows], beside: Fit | None = None) -> _Begun:
        design, training = job.proposal.design, job.proposal.training.model_copy(update={"seed": job.seed})
        architecture = compose(design, self.data.schema)
        fit = Fit(
            architecture,
            design.losses,
            training,
            self.data.schema,
            *rows,
            device=self.device,
            task_weights=job.weights,
            beside=beside,
        )
        latency = self._latency(job, fit) if job.latency else None
        if job.from_rung is not None:
            saved = self.get(state_name(job.number, job.from_rung))
            if saved is not None:  # else from the start: a state that was lost costs work, no result
                fit.load(saved)
        return _Begun(job, fit, fit.rows, latency)

    def _latency(self, job: Job, fit: Fit) -> float:
        latency = latency_ms(fit.network, self.data.rows("tuning"), self.data.schema, device=self.device)
        most = job.limits.get("latency_ms")
        if most is not None and latency > most:
            raise _LimitError(f"{latency:.2f} ms a batch of {BATCH} predictions, above the limit of {most:g}")
        return latency

    def _ended(self, begun: _Begun, outcome: Outcome) -> Answer:
        if isinstance(outcome, DivergedError):
            raise outcome
        job, fit = begun.job, begun.fit
        if job.kind == "finalist":
            return self._judged(job, fit)
        if job.keep_state:
            self.put(state_name(job.number, job.rung), fit.save())
        return Answer(
            score=outcome.score,
            scores=outcome.scores,
            rows=fit.rows - begun.rows,
            rows_per_second=fit.rows_per_second,
            latency_ms=begun.latency,
        )

    def _judged(self, job: Job, fit: Fit) -> Answer:
        """A finalist's scores on the choosing rows; its weights and predictions are kept."""
        network, schema = fit.best_network(), self.data.schema
        predictions, scores = judge(network, self.data.rows("choosing"), schema, device=self.device)
        weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.weights().items()}
        self.put(weights_name(job.number, job.seed), save_tensors(weights))
        arrays = {name: np.ascontiguousarray(values) for name, values in predictions.items()}
        self.put(predictions_name(job.number, job.seed), save_arrays(arrays))
        score = mean_score(scores, schema, job.weights)
        return Answer(score=score, scores=scores, rows=fit.rows, rows_per_second=fit.rows_per_second)


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
