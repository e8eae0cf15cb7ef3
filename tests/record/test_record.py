"""The run folder: a record that survives any cut, one writer, a request that is read back as it was written."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from slowly import slow
from study_fixtures import proposed, request, scored, state_of

from mtl_nas.design import Design, Level, Proposal
from mtl_nas.errors import RunError
from mtl_nas.files import write_together, write_whole
from mtl_nas.record import (
    Best,
    Budget,
    Chosen,
    Closed,
    Event,
    Failed,
    FileStore,
    Finalist,
    Note,
    Promoted,
    Record,
    RunFolder,
    RunState,
    Stopped,
    events,
)
from mtl_nas.values import parse

SCORES: dict[str, dict[str, float | None]] = {"größe": {"auc": None, "logloss": 0.25}}
EVENTS: list[Event] = [
    proposed(
        0, Proposal(design=Design(levels=(Level(shared=2),))), origin="preset:ple", decisions={"a": 1, "b.0": 0.5}
    ),
    proposed(1, duplicate_of=0, decisions=None),
    scored(0, 0, 0.1 + 0.2, scores=SCORES, rows_per_second=1234.5),
    Failed(number=0, rung=1, failure="lost", reason="the worker died"),
    Failed(number=0, rung=0, failure="error", reason="line\u2028separator\r", trace="a\nb\n", seed=7),
    Promoted(number=0, rung=1, reason="within cut"),
    Stopped(number=0, rung=0, reason="below cut"),
    Closed(reason="time is up"),
    Chosen(numbers=(0, 3), seeds=(11, 12)),
    Finalist(number=0, seed=11, score=0.75, scores=SCORES, rows=5, seconds=0.25),
    events.Tested(number=0, scores={11: SCORES}),
    Best(number=0, seed=11),
    Note(text="größer"),
]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "trials.jsonl")


def written(record: Record) -> list[bytes]:
    for event in EVENTS:
        record.append(event)
    return record.path.read_bytes().splitlines(keepends=True)


# The record


def test_a_record_gives_back_its_events_in_order(record: Record) -> None:
    assert list(record) == []
    lines = written(record)
    assert list(record) == list(record) == EVENTS
    assert len(lines) == len(EVENTS)
    assert [json.loads(line)["event"] for line in lines] == [event.event for event in EVENTS]


def test_a_line_is_sorted_json_with_names_as_they_are_written(record: Record) -> None:
    lines = written(record)
    assert all(list(json.loads(line)) == sorted(json.loads(line)) for line in lines)
    assert "größe".encode() in lines[2]


@pytest.mark.parametrize("step", [11, slow(1)])
def test_wherever_a_record_is_cut_its_whole_lines_are_read_and_it_goes_on(
    record: Record, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = b"".join(written(record))
    ends = [place + 1 for place, byte in enumerate(whole[:-1]) if byte == ord("\n")]
    for length in sorted({*range(0, len(whole), step), *ends}):
        record.path.write_bytes(whole[:length])
        lines = whole[:length].count(b"\n")
        assert list(record) == EVENTS[:lines]
        assert record.repair() == (not whole[:length].endswith(b"\n") and length > 0)
        record.append(EVENTS[lines])
        assert list(record) == EVENTS[: lines + 1]


def test_a_whole_record_is_not_repaired(record: Record) -> None:
    assert not record.repair()
    written(record)
    assert not record.repair()
    assert list(record) == EVENTS


def test_readers_of_a_growing_record_see_whole_events(record: Record) -> None:
    record.append(EVENTS[0])
    reader = iter(record)
    assert next(reader) == EVENTS[0]
    with record.path.open("ab") as file:
        file.write(b'{"event": "no')
    assert list(record) == EVENTS[:1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"event": "guessed"}', "Input tag 'guessed' found using 'event' does not match any of the expected tags"),
        (b"nonsense", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b'{"event": "closed"}', "Field required"),
        (b'{"event": "closed", "reason": "x", "hue": 1}', "Extra inputs are not permitted"),
        (b'{"event": "note", "text": "\xff"}', "Invalid JSON"),
    ],
)
def test_a_line_that_is_no_event_is_named_with_its_number(record: Record, line: bytes, reason: str) -> None:
    record.append(EVENTS[0])
    with record.path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(RunError) as problem:
        list(record)
    assert str(problem.value).startswith(f"{record.path}: line 2 is no event of this version: {reason}")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_no_event(value: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        scored(0, 0, value)
    with pytest.raises(ValueError, match="finite number"):
        scored(0, 0, 0.5, scores={"click": {"auc": value}})


# The state


def test_a_state_is_the_same_however_it_is_reached() -> None:
    whole, stepwise = RunState().after(EVENTS), RunState()
    for event in EVENTS:
        stepwise.add(event)
    assert whole == stepwise
    assert (whole.rows, whole.seconds) == (105, 0.75)
    assert (whole.closed, whole.chosen, whole.best) == (EVENTS[7], EVENTS[8], EVENTS[11])


def test_a_duplicate_is_no_trial_that_is_trained() -> None:
    state = state_of(proposed(0, proposal_key="p"), proposed(1, proposal_key="p", duplicate_of=0), proposed(2))
    assert [trial.number for trial in state.trained] == [0, 2]
    assert state.first_with == {"p": 0, "p2": 2}


def test_a_trial_is_named_after_its_preset_or_its_number() -> None:
    state = state_of(proposed(0, origin="preset:ple"), proposed(1, origin="tpe"))
    assert [(trial.name, trial.preset) for trial in state.trials.values()] == [("ple", "ple"), ("trial 1", None)]


def test_the_score_of_a_trial_is_that_of_the_highest_rung() -> None:
    state = state_of(proposed(0), scored(0, 0, 0.7), Promoted(number=0, rung=1, reason=""), scored(0, 1, 0.6))
    trial = state.trials[0]
    assert (trial.rung, trial.score) == (1, 0.6)
    assert state_of(proposed(0)).trials[0].score is None


def failed(failure: str, seed: int | None = None) -> Failed:
    return Failed(number=0, rung=0, failure=failure, reason=failure, seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failures", "final"),
    [
        ((), None),
        (("lost",), None),
        (("lost", "lost"), "lost"),
        (("diverged",), "diverged"),
        (("memory",), "memory"),
        (("error",), None),
        (("error", "error"), "error"),
        (("lost", "error"), "error"),
        (("lost", "diverged"), "diverged"),
    ],
)
def test_a_lost_worker_or_an_error_is_no_failure_at_the_first_time(
    failures: tuple[str, ...], final: str | None
) -> None:
    trial = state_of(proposed(0), *map(failed, failures)).trials[0]
    assert (trial.failed.failure if trial.failed else None) == final
    assert trial.finalist_failed(5) is None
    trial = state_of(proposed(0), *(failed(failure, seed=5) for failure in failures)).trials[0]
    failure_of_seed = trial.finalist_failed(5)
    assert (failure_of_seed.failure if failure_of_seed else None) == final
    assert trial.failed is None
    assert trial.finalist_failed(6) is None


def test_a_finalist_has_a_mean_and_from_two_seeds_a_deviation() -> None:
    lines = [Finalist(number=0, seed=seed, score=seed / 10, scores={}, rows=1, seconds=0.0) for seed in (6, 8)]
    one, two = state_of(proposed(0), lines[0]).trials[0], state_of(proposed(0), *lines).trials[0]
    assert (one.finalist_mean, one.finalist_deviation) == (0.6, None)
    assert two.finalist_mean == pytest.approx(0.7)
    assert two.finalist_deviation == pytest.approx(0.1 * 2**0.5)
    assert state_of(*EVENTS).trials[0].tested == {11: SCORES}


# The request


def test_a_request_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    asked = request(seed=3, time=90.5, reduction=2.5).model_copy(
        update={
            "data": {
                "data": {"table": "größe.csv", "split": {"stratified": True}},
                "tasks": {"b": {}, "a": {"after": "b"}},
            },
            "tasks": ("b", "a"),
        }
    )
    folder = RunFolder(tmp_path / "runs" / "first")
    assert not folder.exists
    folder.begin(asked)
    assert folder.exists
    assert folder.request() == asked
    assert list(folder.request().data["tasks"]) == ["b", "a"]  # the funnel's order
    assert "größe.csv" in folder.request_path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"rungs": (0.5, 0.25, 1.0)}, "rungs are rising shares that end at 1, got [0.5, 0.25, 1.0]"),
        ({"rungs": (0.5, 0.5, 1.0)}, "rungs are rising shares that end at 1, got [0.5, 0.5, 1.0]"),
        ({"rungs": (0.1, 0.5)}, "rungs are rising shares that end at 1, got [0.1, 0.5]"),
        ({"rungs": ()}, "rungs are rising shares that end at 1, got []"),
        ({"trials": 0}, "trials: input should be greater than or equal to 1, got 0"),
        ({"reduction": 1}, "reduction: input should be greater than 1, got 1"),
        ({"time": 0}, "time: input should be greater than 0, got 0"),
        ({"trails": 3}, "unknown key 'trails'; did you mean 'trials'?"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(budget: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError) as problem:
        parse(Budget, budget, "search", RunError)
    assert str(problem.value) == f"search: {message}"


def test_a_request_of_another_version_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(request())
    text = folder.request_path.read_text().replace("version: 2", "version: 3", 1)
    folder.request_path.write_text(text)
    with pytest.raises(RunError, match=r"search\.yaml: version: input should be 2, got 3$"):
        folder.request()


# The folder


def test_a_folder_that_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError) as problem:
        RunFolder(tmp_path / "none").request()
    assert str(problem.value) == f"no run folder '{tmp_path / 'none'}'"
    with pytest.raises(RunError) as problem:
        RunFolder(tmp_path).request()
    assert str(problem.value) == f"'{tmp_path}' is no run folder: it has no search.yaml"


def test_a_run_begins_in_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(RunError) as problem:
        RunFolder(tmp_path / "full").begin(request())
    assert str(problem.value) == f"folder '{tmp_path / 'full'}' is not empty and holds no run; give another --folder"
    (tmp_path / "file").touch()
    with pytest.raises(RunError) as problem:
        RunFolder(tmp_path / "file").begin(request())
    assert str(problem.value) == f"'{tmp_path / 'file'}' is a file, and a run needs a folder; give another --folder"


def test_a_folder_that_is_a_file_cannot_be_locked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file, and a run needs a folder"), RunFolder(tmp_path / "file").lock():
        pass


def test_a_run_begins_under_its_own_lock(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.lock():
        folder.begin(request())
        assert json.loads((folder.path / "run.lock").read_text())["pid"] == os.getpid()
    assert not (folder.path / "run.lock").exists()
    with folder.lock():
        pass


HOLDER = """
import sys, time
from mtl_nas.record import RunFolder
with RunFolder(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused_by_name_until_the_first_is_gone(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError) as problem, RunFolder(tmp_path).lock():
            pass
        said = str(problem.value)
        assert said.startswith(f"run folder '{tmp_path}' is in use by process {holder.pid} on ")
        assert said.endswith("; wait for it or stop it")
        assert (tmp_path / "run.lock").exists()  # the refused one leaves the holder's name alone
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout and holder.stdout.close()
    assert (tmp_path / "run.lock").exists()  # stale: a killed process cannot clean up
    with RunFolder(tmp_path).lock():
        assert json.loads((tmp_path / "run.lock").read_text())["pid"] == os.getpid()


# Files


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "file"
    write_whole(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["file"], "nothing half written is left"


def test_files_that_belong_together_are_complete_before_the_first_takes_its_place(tmp_path: Path) -> None:
    write_together(tmp_path, {"a": b"old a", "b": b"old b"})
    with pytest.raises(TypeError):
        write_together(tmp_path, {"a": b"new a", "b": None})  # type: ignore[dict-item]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old a", "b": b"old b"}


def test_a_depot_keeps_files_by_name(tmp_path: Path) -> None:
    file_store = FileStore(str(tmp_path))
    assert file_store.get("states/00001-0.pt") is None
    file_store.put("states/00001-0.pt", b"state")
    assert file_store.get("states/00001-0.pt") == b"state"
    assert (tmp_path / "states" / "00001-0.pt").read_bytes() == b"state"
