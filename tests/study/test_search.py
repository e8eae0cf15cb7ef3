"""Searches on real data under real Ray: what a run leaves, what it refuses, and what it survives."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import study_fixtures
from study_fixtures import (
    PLAIN,
    arrived_or_decided,
    dataset,
    decisions,
    driver,
    events,
    frame,
    request,
    small_search,
    timeless,
)

from mtl_nas.data import load_dataset
from mtl_nas.errors import DataError, RunError
from mtl_nas.exports import load_model
from mtl_nas.record import Best, Budget, Chosen, Event, Failed, Finalist, Note, Proposed, RunFolder, Scored
from mtl_nas.record import events as lines
from mtl_nas.study import Resources, Run, load_run, resume
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution import ray_backend
from mtl_nas.study.execution.job_searcher import JobSearcher
from mtl_nas.study.execution.resources import worker_shares
from mtl_nas.study.jobs import Job, JobResult

TESTS = Path(__file__).parents[1] / "helpers"


# Without Ray: what a search refuses before it starts


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was asked for and stopped before its first trial."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ray_backend, "execute", stop)
        with pytest.raises(KeyboardInterrupt):
            small_search(tmp_path / "run")
    return tmp_path / "run"


def refusal(folder: Path, **changes: Any) -> str:
    with pytest.raises(RunError) as problem:
        small_search(folder, **changes)
    return str(problem.value)


def test_a_search_that_is_stopped_leaves_a_folder_that_says_what_was_asked(begun: Path) -> None:
    run = load_run(begun)
    assert run.request.tasks == ("klick", "größe")
    assert run.request.settings.seed == 3
    assert set(run.request.versions) == {"mtl_nas", "torch", "optuna", "ray", "numpy", "networkx"}
    assert run.request.fingerprint == dataset().fingerprint
    assert run.trials()  # proposed, not trained
    assert all(not trial.scored for trial in run.trials())
    assert (run.finished, run.finalists()) == (False, [])
    assert not (begun / "run.lock").exists()
    with pytest.raises(RunError) as problem:
        run.best()
    assert str(problem.value) == f"the search in '{begun}' has no model yet; go on with: mtl-search resume {begun}"
    assert len(run.study().trials) == 0


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 4}, "a search with seed 3, now 4"),
        ({"sampler": "random"}, "a search with sampler auto, now random"),
        ({"budget": Budget(trials=11)}, "a search with trials 10, now 11"),
        ({"data": load_dataset(frame(500), tasks=["klick", "größe"])}, "other data (fingerprint "),
        ({"data": load_dataset(frame(), tasks=["größe", "klick"])}, "other data (fingerprint "),
        ({"data": load_dataset(frame(), tasks=["klick", "größe"], ignore=["tag"])}, "other data (fingerprint "),
    ],
)
def test_another_search_in_its_folder_is_refused_with_the_difference(
    begun: Path, changes: dict[str, Any], difference: str
) -> None:
    said = refusal(begun, **changes)
    assert said.startswith(f"run folder '{begun}' holds a search ")
    assert difference in said
    assert said.endswith("; give another --folder")


def test_an_option_that_changes_no_trial_may_change_and_the_folder_holds_its_last_value(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = load_run(begun)
    monkeypatch.setattr(ray_backend, "execute", stop)
    with pytest.raises(KeyboardInterrupt):
        small_search(begun, ensemble=True)
    after = load_run(begun)
    assert (before.settings.ensemble, after.settings.ensemble) == (False, True)
    assert after.settings.decisive == before.settings.decisive
    assert after.request == before.request.model_copy(update={"settings": after.settings})
    assert [trial.proposed for trial in after.trials()] == [trial.proposed for trial in before.trials()]


def test_a_choice_added_to_the_space_makes_it_another_search(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wider = {**study_fixtures.SPACE, "training": {"epochs": {"choice": [1, 2]}}}
    monkeypatch.setattr(study_fixtures, "SPACE", wider)
    assert refusal(begun) == f"run folder '{begun}' holds a search with another space; give another --folder"


def test_a_run_on_data_from_memory_says_how_to_go_on(begun: Path) -> None:
    with pytest.raises(RunError) as problem:
        resume(begun)
    assert str(problem.value) == (
        f"the data of '{begun}' came from memory: call search(..., folder='{begun}') with them"
    )
    with pytest.raises(RunError, match="holds a search on other data"):
        resume(begun, data=load_dataset(frame(500), tasks=["klick", "größe"]))


def test_a_folder_that_cannot_be_a_run_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    assert refusal(tmp_path) == f"folder '{tmp_path}' is not empty and holds no run; give another --folder"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert "is a file, and a run needs a folder" in refusal(tmp_path / "thesis.tex")


def test_a_folder_that_is_in_use_is_refused_by_name(begun: Path) -> None:
    with RunFolder(begun).lock():
        assert f"is in use by process {os.getpid()} on " in refusal(begun)


def test_trials_cannot_open_the_test_split() -> None:
    seen = dataset().for_search()
    with pytest.raises(DataError, match=r"^the test split is opened once, by the final stage of a search$"):
        seen.rows("test")
    with pytest.raises(DataError, match=r"^the raw rows stay with the data set"):
        seen.frame("train")
    assert seen.raw is None


# The searcher that Ray asks


class Workers:
    """What a searcher gave to workers; ``start`` asks it for one as Ray does, ``report`` answers as the worker does."""

    def __init__(self, driven: Driver, **options: Any) -> None:
        self.given: dict[str, list[str]] = {}
        self.searcher = JobSearcher(driven, self.given.__setitem__, **options)

    def start(self, name: str) -> Any:
        answer = self.searcher.suggest(name)
        if answer == {"worker": name}:
            self.searcher.on_trial_result(name, {"score": 0.0, "results": []})
        return answer

    def jobs(self, name: str) -> list[Job]:
        return [Job.model_validate_json(text) for text in self.given[name]]

    def report(self, name: str, *answers: JobResult) -> None:
        """Without answers, those of made-up training."""
        answers = answers or tuple(map(study_fixtures.trained, self.jobs(name)))
        del self.given[name]
        result = {"score": answers[0].score, "results": [answer.model_dump_json() for answer in answers]}
        self.searcher.on_trial_result(name, result)


def test_workers_are_given_jobs_then_wait_at_a_barrier_then_end(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(trials=2, cohort=2, rungs=(1.0,), finalists=1, seeds=1), presets=())
    workers = Workers(driven, limit=2)
    assert [workers.start(name) for name in "abc"] == [{"worker": "a"}, {"worker": "b"}, None]
    assert len(workers.jobs("a")) == len(workers.jobs("b")) == 1
    workers.report("a")
    assert "a" not in workers.given  # it waits for b
    assert workers.start("c") is None
    workers.report("b")
    (finalist,) = workers.jobs("a")
    assert finalist.kind == "finalist"
    assert "b" not in workers.given
    workers.searcher.on_trial_complete("a", None, error=True)
    assert workers.jobs("b") == [finalist]  # lost once: again
    assert workers.start("c") is None
    workers.report("b")
    assert workers.given["b"] == []  # it is to end
    assert workers.start("d") == "FINISHED"
    assert [event.failure for event in events(tmp_path) if isinstance(event, Failed)] == ["lost"]


def test_a_worker_that_cannot_start_loses_a_job_and_one_that_waits_loses_none(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(trials=2, cohort=2, rungs=(1.0,), finalists=1, seeds=1), presets=())
    workers = Workers(driven, limit=2)
    assert workers.searcher.suggest("a") == {"worker": "a"}
    workers.searcher.on_trial_complete("a", None, error=True)
    assert [event.number for event in events(tmp_path) if isinstance(event, Failed)] == [0]
    assert [workers.start(name) for name in "bc"] == [{"worker": "b"}, {"worker": "c"}]
    workers.report("b")
    workers.searcher.on_trial_complete("b", None, error=True)
    assert workers.start("d") is None
    assert [event.number for event in events(tmp_path) if isinstance(event, Failed)] == [0]


def test_a_worker_that_is_not_kept_ends_at_a_barrier(tmp_path: Path) -> None:
    asked = request(trials=2, cohort=2, rungs=(1.0,), finalists=1, seeds=1)
    workers = Workers(driver(tmp_path, asked, presets=()), limit=8, keeps=False)
    for name in "ab":
        workers.start(name)
    workers.report("a")
    assert workers.given["a"] == []
    workers.searcher.on_trial_result("a", {"score": 0.0, "results": ["its last ones"]})  # Ray repeats them
    workers.searcher.on_trial_complete("a", {})
    workers.report("b")
    assert len(workers.jobs("b")) == 1


def test_jobs_of_one_shape_are_given_to_one_worker_and_lost_with_it(tmp_path: Path) -> None:
    tree = {"training": {"learning_rate": {"float": [1e-4, 1e-2], "log": True}}}
    asked = request(tree=tree, trials=3, cohort=3, rungs=(1.0,), finalists=1, seeds=1)
    workers = Workers(driver(tmp_path, asked, tree=tree, presets=(), gpus=1), limit=3)
    workers.start("a")
    first = workers.given["a"]
    assert len(first) == 3
    assert workers.start("b") is None
    workers.searcher.on_trial_complete("a", None, error=True)
    for name in "cde":
        workers.start(name)
    assert [job for name in "cde" for job in workers.given[name]] == first  # each alone
    assert [event.number for event in events(tmp_path) if isinstance(event, Failed)] == [0, 1, 2]


def test_a_problem_in_the_core_ends_the_search_and_is_kept(tmp_path: Path) -> None:
    workers = Workers(driver(tmp_path, request()), limit=2)
    workers.start("a")
    (tmp_path / "trials.jsonl").unlink()
    (tmp_path / "trials.jsonl").mkdir()  # the record cannot be written
    workers.report("a")
    assert isinstance(workers.searcher.problem, IsADirectoryError)
    assert workers.given["a"] == []
    assert workers.start("b") == "FINISHED"


def test_the_searcher_is_not_carried_to_workers(tmp_path: Path) -> None:
    import copy
    import pickle

    searcher = JobSearcher(driver(tmp_path, request(schema=PLAIN), schema=PLAIN), print, limit=1)
    assert copy.deepcopy(searcher) is searcher
    assert len(pickle.dumps(searcher)) < 200


def test_a_gpu_that_torch_does_not_see_is_refused_before_ray_starts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(RunError, match="a search needs 64 gpus, and torch sees . here; lower --gpus"):
        ray_backend.execute(driver(tmp_path, request()), None, folder, Resources(cpus=1, gpus=64))  # type: ignore[arg-type]


# With Ray


@pytest.fixture(scope="module")
def finished(ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A search on two cores that nothing disturbs."""
    return small_search(tmp_path_factory.mktemp("finished") / "run")


def of(kind: type[Any], record: list[Event]) -> list[Any]:
    return [event for event in record if isinstance(event, kind)]


def results(run: Run) -> list[str]:
    """Everything that the record holds but times, whatever the order of arrival."""
    return arrived_or_decided(timeless(events(run.path)))


@pytest.mark.ray
def test_a_search_ends_with_the_best_finalist_as_a_model_that_loads(finished: Run) -> None:
    assert finished.finished
    model = load_model(finished.path / "best")
    predicted = model.predict(frame())
    assert list(predicted) == ["klick", "größe"]
    assert len(predicted) == len(frame())
    best = finished.best()
    assert (finished.path / "best" / "README.md").exists()
    assert best.tested
    assert set(best.tested[finished.state.best.seed]) == {"klick", "größe"}  # type: ignore[union-attr]
    assert np.isfinite(predicted.to_numpy()).all()


@pytest.mark.ray
def test_a_search_keeps_to_its_budget_and_its_order(finished: Run) -> None:
    record = events(finished.path)
    assert len(finished.state.trained) == 10
    assert [event.origin for event in of(Proposed, record)[:5]] == [
        f"preset:{name}" for name in ("single_task", "shared_bottom", "mmoe", "ple", "metaheac")
    ]
    assert len(of(Scored, record)) == 10 + len([event for event in record if event.event == "promoted"])
    (chosen,) = of(Chosen, record)
    assert {event.number for event in of(Finalist, record)} == set(chosen.numbers)
    assert 0 in chosen.numbers  # the baseline
    assert {event.number for event in of(lines.Tested, record)} == {*chosen.numbers, finished.best().number}
    after = record[record.index(of(Best, record)[0]) + 1 :]
    assert after == of(lines.Tested, record)  # the test split is opened when the best is decided
    assert not (finished.path / "states").exists()
    assert not of(Failed, record)
    (note,) = of(Note, record)
    assert note.text.startswith("sampler random: ")  # so few trials teach nothing
    assert all(event.rows_per_second > 0 for event in of(Finalist, record))


@pytest.mark.ray
def test_a_finished_search_is_not_searched_again(finished: Run) -> None:
    before = (finished.path / "trials.jsonl").read_bytes()
    again = small_search(finished.path)
    assert again.best().number == finished.best().number
    assert resume(finished.path, data=dataset()).finished
    assert (finished.path / "trials.jsonl").read_bytes() == before


@pytest.mark.ray
def test_a_finished_search_without_its_model_writes_it_again(finished: Run) -> None:
    folder = finished.single_folder
    weights = folder / "model.safetensors"
    before = weights.read_bytes()
    (folder / "README.md").unlink()
    weights.unlink()
    small_search(finished.path)
    assert weights.read_bytes() == before


@pytest.mark.ray
def test_one_core_decides_what_two_decide(finished: Run, ray_session: None, tmp_path: Path) -> None:
    alone = small_search(tmp_path / "run", cpus=1)
    assert decisions(events(alone.path)) == decisions(events(finished.path))
    assert results(alone) == results(finished)


@pytest.mark.ray
def test_a_trial_whose_worker_dies_is_run_again_and_trials_see_no_test_rows(
    finished: Run, ray_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_jobs, died, seen = ray_backend.do_jobs, tmp_path / "died", tmp_path / "seen"
    processes = tmp_path / "processes"
    processes.mkdir()

    def dies_once(jobs: list[Job], data: Any, server: Any, device: str) -> Any:
        seen.write_text(json.dumps([sorted(data.encoded), data.raw is None]))
        (processes / str(os.getpid())).touch()
        if jobs[0].number == 7 and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return do_jobs(jobs, data, server, device)

    monkeypatch.setattr(ray_backend, "do_jobs", dies_once)
    run = small_search(tmp_path / "run")
    (lost,) = of(Failed, events(run.path))
    assert (lost.number, lost.rung, lost.failure, lost.reason) == (7, 0, "lost", "the worker died")
    assert run.state.trials[7].failed is None
    assert len(list(processes.iterdir())) <= 3  # two, and one for the dead: those that wait at a barrier are kept
    assert json.loads(seen.read_text()) == [["train", "validation"], True]
    assert [line for line in results(run) if not line.startswith("Failed")] == results(finished)


@pytest.mark.ray
def test_where_jobs_of_one_shape_are_fused_a_search_comes_to_the_same_end(
    finished: Run, ray_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, but on the cores: seeds of a finalist are one job there."""
    runs_on = Driver.runs_on
    monkeypatch.setattr(Driver, "runs_on", lambda driver, workers, gpus=0: runs_on(driver, workers, 1))
    run = small_search(tmp_path / "run")
    assert [(one.number, one.seed) for one in of(Finalist, events(run.path))]
    assert run.state.chosen == finished.state.chosen
    for number in finished.state.chosen.numbers:  # type: ignore[union-attr]
        for seed, alone in finished.state.trials[number].finalist.items():
            assert run.state.trials[number].finalist[seed].score == pytest.approx(alone.score, abs=1e-3)


@pytest.mark.ray
def test_errors_that_are_alike_end_the_search_and_free_its_folder(
    ray_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def breaks(*_: Any) -> list[JobResult]:
        return [JobResult(failure="error", reason="KeyError: 'preis'", trace="Traceback (most recent call last)")]

    monkeypatch.setattr(ray_backend, "do_jobs", breaks)
    with pytest.raises(RunError, match="3 trials failed with one error, so the search stops: KeyError: 'preis'"):
        small_search(tmp_path / "run")
    assert not (tmp_path / "run" / "run.lock").exists()
    assert len({event.number for event in of(Failed, events(tmp_path / "run"))}) == 3


@pytest.mark.ray
def test_more_cores_than_there_are_is_refused_with_numbers(ray_session: None, tmp_path: Path) -> None:
    assert refusal(tmp_path / "run", cpus=64) == "a search needs 64 cpus, and Ray has 2; lower --cpus"
    said = refusal(tmp_path / "gpus", resources=Resources(cpus=1, gpus=8))
    assert said.startswith("a search needs 8 gpus, and Ray has ")


@pytest.mark.parametrize(
    ("asked", "there", "workers", "gpu"),
    [
        ({}, (16, 0), 16, 0.0),
        ({"gpus": 0.0}, (16, 2), 16, 0.0),
        ({}, (16, 1), 4, 0.25),
        ({"gpus": 0.5}, (16, 1), 4, 0.125),
        ({"cpus": 2, "gpus": 0.5}, (16, 1), 2, 0.25),
        ({"cpus": 6}, (16, 4), 6, 0.5),
        ({"cpus": 3}, (16, 4), 3, 1.0),
        ({}, (64, 4), 16, 0.25),
    ],
)
def test_every_worker_has_a_whole_gpu_or_a_part_of_one(
    asked: dict[str, Any], there: tuple[int, float], workers: int, gpu: float
) -> None:
    shares = worker_shares(Resources(**asked), *there)
    assert (shares.workers, shares.gpu) == (workers, pytest.approx(gpu))
    assert shares.device == ("cuda" if gpu else "cpu")
    assert shares.resources == {"cpu": 1.0, **({"gpu": gpu} if gpu else {})}


@pytest.mark.ray
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_search_that_is_stopped_in_its_middle_goes_on_to_the_same_end(
    finished: Run, ray_session: None, tmp_path: Path, how: signal.Signals
) -> None:
    """The driver is a process of its own, with a Ray of its own whatever cluster the environment names."""
    folder = tmp_path / "run"
    command = [
        sys.executable,
        "-c",
        "import sys, study_fixtures; study_fixtures.small_search(sys.argv[1])",
        str(folder),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent))),
        "RAY_ADDRESS": "127.0.0.1:9",
    }
    driver = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(driver, lambda: len(of(Scored, events(folder))) >= 5)
        driver.send_signal(how)
        _, said = driver.communicate(timeout=60)
    finally:
        driver.kill()
        driver.wait()
    assert driver.returncode != 0
    assert ("KeyboardInterrupt" in said) == (how is signal.SIGINT), said
    assert (folder / "run.lock").exists() == (how is signal.SIGKILL)
    assert 5 <= len(of(Scored, events(folder))) < len(of(Scored, events(finished.path)))
    run = small_search(folder)
    assert decisions(events(folder)) == decisions(events(finished.path))
    assert results(run) == results(finished)


def wait_for(driver: "subprocess.Popen[str]", condition: Any, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert driver.poll() is None, driver.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)
