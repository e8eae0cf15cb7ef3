"""What goes wrong in a worker: an answer, unless nothing more can run in its process."""

import pytest
import torch
from stacked_fixtures import done, trial_job

from mtl_nas.training import Fit


@pytest.mark.parametrize(
    ("problem", "failure"),
    [
        (MemoryError(), "memory"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), "memory"),
        (RuntimeError("shapes differ"), "error"),
        (KeyError("color"), "error"),
    ],
)
def test_a_problem_is_an_answer(problem: Exception, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(fit: Fit, share: float) -> None:
        raise problem

    monkeypatch.setattr(Fit, "advance", fails)
    (answer,) = done({}, trial_job(0))
    assert answer.failure == failure
    assert answer.reason


def test_a_gpu_that_is_in_error_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(fit: Fit, share: float) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(Fit, "advance", fails)
    with pytest.raises(torch.AcceleratorError):
        done({}, trial_job(0))
