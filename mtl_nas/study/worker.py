"""What runs in a worker: one job, from nothing that a driver's disk holds. No state is kept between jobs."""

import time
import traceback
from collections.abc import Callable

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.evaluation import judge
from mtl_nas.model.latency import BATCH, latency_ms
from mtl_nas.study.jobs import Answer, Job, predictions_name, state_name, weights_name
from mtl_nas.training import DivergedError, Fit
from mtl_nas.training.fit import Check, mean_score
from mtl_nas.training.fused import Outcome, advance_together, fusible

Get = Callable[[str], bytes | None]
Put = Callable[[str, bytes], None]


def work(job: Job, data: Dataset, *, get: Get, put: Put, device: str = "cpu") -> Answer:
    """Do a job; whatever goes wrong comes back as an answer, so that the worker lives on."""
    start = time.perf_counter()
    torch.set_num_threads(1)  # two threads beside a busy core made the loop ten times slower
    try:
        answer = _finalist(job, data, put, device) if job.kind == "finalist" else _trial(job, data, get, put, device)
    except DivergedError as problem:
        answer = _diverged(problem)
    except (MemoryError, torch.cuda.OutOfMemoryError):
        answer = Answer(failure="memory", reason="out of memory; search smaller models, batches or fewer workers")
    except RuntimeError as problem:
        memory = "memory" in str(problem)
        answer = Answer(failure="memory" if memory else "error", reason=_reason(problem), trace=traceback.format_exc())
    except Exception as problem:  # of any kind: the search goes on, and says what happened
        answer = Answer(failure="error", reason=_reason(problem), trace=traceback.format_exc())
    seconds = time.perf_counter() - start - sum(other.seconds for other in answer.others.values())
    return answer.model_copy(update={"seconds": seconds})


def _reason(problem: Exception) -> str:
    text = str(problem).strip().splitlines()
    known = isinstance(problem, MtlNasError)
    first = text[0] if text else ""
    return first if known else f"{type(problem).__name__}: {first}"


def _fit(job: Job, data: Dataset, device: str) -> Fit:
    design = job.proposal.design
    training = job.proposal.training.model_copy(update={"seed": job.seed})
    architecture = compose(design, data.schema)
    rows = data.rows("train"), data.rows("tuning")
    return Fit(architecture, design.losses, training, data.schema, *rows, device=device, task_weights=job.weights)


def _trial(job: Job, data: Dataset, get: Get, put: Put, device: str) -> Answer:
    fit = _fit(job, data, device)
    latency = latency_ms(fit.network, data.rows("tuning"), data.schema, device=device) if job.latency else None
    most = job.limits.get("latency_ms")
    if latency is not None and most is not None and latency > most:
        reason = f"{latency:.2f} ms a batch of {BATCH} predictions, above the limit of {most:g}"
        return Answer(failure="limit", reason=reason)
    if job.from_rung is not None:
        saved = get(state_name(job.number, job.from_rung))
        if saved is not None:  # else from the start: a state that was lost costs work, no result
            fit.load(saved)
    before = fit.rows
    best = fit.advance(job.share)
    if job.keep_state:
        put(state_name(job.number, job.rung), fit.save())
    return Answer(
        score=best.score,
        scores=best.scores,
        rows=fit.rows - before,
        rows_per_second=fit.rows_per_second,
        latency_ms=latency,
    )


def _finalist(job: Job, data: Dataset, put: Put, device: str) -> Answer:
    seeds = (job.seed, *job.others)
    fits = [_fit(job.model_copy(update={"seed": seed}), data, device) for seed in seeds]
    start = time.perf_counter()
    if len(fits) > 1 and fusible(fits):
        found = advance_together(fits, job.share)
    else:
        found = [_outcome(fit, job.share) for fit in fits]
    seconds = (time.perf_counter() - start) / len(fits)
    answers = {
        seed: _judged(job, seed, fit, data, put, device) if isinstance(outcome, Check) else _diverged(outcome)
        for seed, fit, outcome in zip(seeds, fits, found, strict=True)
    }
    others = {seed: answers[seed].model_copy(update={"seconds": seconds}) for seed in job.others}
    return answers[job.seed].model_copy(update={"others": others})


def _outcome(fit: Fit, share: float) -> Outcome:
    try:
        return fit.advance(share)
    except DivergedError as problem:
        return problem


def _diverged(problem: DivergedError) -> Answer:
    return Answer(failure="diverged", reason=str(problem))


def _judged(job: Job, seed: int, fit: Fit, data: Dataset, put: Put, device: str) -> Answer:
    network = fit.best_network()
    predictions, scores = judge(network, data.rows("choosing"), data.schema, device=device)
    weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.weights().items()}
    put(weights_name(job.number, seed), save_tensors(weights))
    put(
        predictions_name(job.number, seed),
        save_arrays({k: np.ascontiguousarray(v) for k, v in predictions.items()}),
    )
    score = mean_score(scores, data.schema, job.weights)
    return Answer(score=score, scores=scores, rows=fit.rows, rows_per_second=fit.rows_per_second)
