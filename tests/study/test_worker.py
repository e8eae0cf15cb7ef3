"""What goes wrong in a worker: an answer, unless nothing more can run in its process."""

import io

import pytest
import torch
from stacked_fixtures import DATA, done, trial_job

from mtl_nas.record.layout import state_file
from mtl_nas.study.execution.saved_state import OWNER_BYTES
from mtl_nas.study.execution.worker import work
from mtl_nas.training import Checkpoint, CheckpointError, Fit


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


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), ValueError("the actor died")])
def test_a_file_that_cannot_be_written_or_read_is_no_fault_of_the_trial(problem: Exception) -> None:
    def broken(*arguments: object) -> None:
        raise problem

    files: dict[str, bytes] = {}
    (first,) = done(files, trial_job(0))
    (answer,) = work([trial_job(0)], DATA, get=files.get, put=broken)
    assert (answer.failure, answer.score) == ("machine", 0.0)
    assert answer.reason.startswith("'states/00000-0.pt' of the run folder cannot be written: ")
    (answer,) = work([trial_job(0, rung=1, from_rung=0, share=2 / 3)], DATA, get=broken, put=files.__setitem__)
    assert answer.failure == "machine"
    assert answer.reason.startswith("'states/00000-0.pt' of the run folder cannot be read: ")
    assert first.failure is None


def test_the_state_of_another_trial_costs_work_and_no_result() -> None:
    files: dict[str, bytes] = {}
    done(files, trial_job(1))
    job = trial_job(0, rung=1, from_rung=0, share=2 / 3)
    (answer,) = done({state_file(0, 0): files[state_file(1, 0)]}, job)
    (lost,) = done({}, job)
    assert (answer.failure, answer.score) == (None, lost.score)


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_a_training_without_its_state_is_checked_where_it_was_before(share: float) -> None:
    """Rungs need not lie at the ends of epochs, and the best of all checks counts."""
    files: dict[str, bytes] = {}
    done(files, trial_job(0, share=share))
    job = trial_job(0, rung=1, from_rung=0, stops=(share,), share=2 / 3)
    (answer,), (from_the_start,) = done(files, job), done({}, job)
    assert from_the_start.scores == answer.scores
    assert from_the_start.rows > answer.rows


def test_a_gpu_that_is_in_error_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(fit: Fit, share: float) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(Fit, "advance", fails)
    with pytest.raises(torch.AcceleratorError):
        done({}, trial_job(0))


def of_another_version() -> bytes:
    buffer = io.BytesIO()
    torch.save({"step": 3, "checks": []}, buffer)
    return buffer.getvalue()


UNREADABLE = {"empty": b"", "no archive": b"state", "another version": of_another_version()}


@pytest.mark.parametrize("saved", UNREADABLE.values(), ids=UNREADABLE)
def test_a_state_that_cannot_be_read_costs_work_and_no_result(saved: bytes, log_lines: list[str]) -> None:
    with pytest.raises(CheckpointError, match="^the state of a training "):
        Checkpoint.from_bytes(saved)
    job = trial_job(0, rung=1, from_rung=0, share=2 / 3)
    files: dict[str, bytes] = {}
    done(files, trial_job(0))
    (answer,) = done({state_file(0, 0): files[state_file(0, 0)][:OWNER_BYTES] + saved}, job)
    (lost,) = done({}, job)
    assert (answer.failure, answer.score, answer.rows) == (None, lost.score, lost.rows)
    assert "trial 0 is trained from the start: the state of a training" in log_lines[0]


def test_a_state_that_is_cut_off_anywhere_costs_work_and_no_result() -> None:
    files: dict[str, bytes] = {}
    done(files, trial_job(0))
    whole = files[state_file(0, 0)][OWNER_BYTES:]
    assert Checkpoint.from_bytes(whole).step > 0
    for length in range(0, len(whole), len(whole) // 50):
        with pytest.raises(CheckpointError):
            Checkpoint.from_bytes(whole[:length])


def test_memory_that_runs_out_while_a_state_is_read_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise MemoryError

    files: dict[str, bytes] = {}
    done(files, trial_job(0))
    monkeypatch.setattr(torch, "load", full)
    (answer,) = done(files, trial_job(0, rung=1, from_rung=0, share=2 / 3))
    assert answer.failure == "memory"
