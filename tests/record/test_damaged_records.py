"""Run folders whose files are damaged open in part or end in one line that names the file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import mtl_nas as mn
from mtl_nas.comparison.run_results import results_of_run
from mtl_nas.errors import MtlNasError, RunError
from mtl_nas.record import RunFolder
from mtl_nas.study import data_of_run
from mtl_nas.study.selection import read_predictions

FILES = Path(__file__).parents[1] / "fixtures" / "0.1.0"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    shutil.copy(FILES / "visits.csv", tmp_path)
    folder = Path(shutil.copytree(FILES / "run", tmp_path / "run"))
    request = folder / "search.yaml"
    request.write_text(request.read_text().replace("/data/", f"{tmp_path}/"))
    return folder


def read(run: Path) -> None:
    """Read what `compare` reads."""
    opened = mn.load_run(run)
    results_of_run(opened, data_of_run(run, opened.request))


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "trials.jsonl").read_text().splitlines()]


def rewritten(run: Path, events: list[dict[str, Any]]) -> None:
    (run / "trials.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[" * 9000, "nested more than 100 levels"),
        ('{"event": "note", "text": ' + "9" * 5000 + "}", "too many digits"),
        ('{"fact": "proposed", "number": 7}', "is not as version 0.1.0 wrote it"),
        ("null", "is no event of this version"),
        ("3", "is no event of this version"),
        ('{"event": "scored", "number": "x"}', "is no event of this version"),
    ],
)
def test_a_line_that_is_no_event_is_named(run: Path, line: str, message: str) -> None:
    with (run / "trials.jsonl").open("a") as record:
        record.write(line + "\n")
    with pytest.raises(RunError, match=r"trials\.jsonl: line \d+ is no event of this version") as refused:
        mn.load_run(run)
    assert message in str(refused.value)


def test_a_line_of_a_trial_that_was_not_proposed_is_named(run: Path) -> None:
    events = [event for event in lines(run) if not (event["fact"] == "proposed" and event["number"] == 0)]
    rewritten(run, events)
    with pytest.raises(RunError, match=r"line \d+ of the record, a '\w+', is of trial 0, which no line before it"):
        mn.load_run(run)


@pytest.mark.parametrize("fact", ["best", "ensembled"])
def test_a_decision_on_a_network_without_a_line_is_refused(run: Path, fact: str) -> None:
    decision = next(event for event in lines(run) if event["fact"] == fact)
    decided = decision if fact == "best" else decision["members"][0]
    gone = {"fact": "finalist", "number": decided["number"], "seed": decided["seed"]}
    rewritten(run, [event for event in lines(run) if not gone.items() <= event.items()])
    with pytest.raises(RunError, match=r"decides on trial \d+ of seed \d+, and has no line of its training"):
        mn.load_run(run)


def test_results_before_the_last_test_score_are_refused(run: Path) -> None:
    events = lines(run)
    last = max(index for index, event in enumerate(events) if event["fact"] == "tested")
    rewritten(run, events[:last] + events[last + 1 :])
    with pytest.raises(RunError, match=r"not all scored on the test rows; go on with: mtl-search resume"):
        read(run)


@pytest.mark.parametrize("name", ["model.safetensors", "architecture.json", "schema.json", "README.md"])
def test_a_run_whose_best_folder_is_half_written_is_not_finished(run: Path, name: str) -> None:
    assert mn.load_run(run).finished
    file = run / "best" / name
    if name == "README.md":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert not mn.load_run(run).finished


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0{}", b"9" * 5000])
def test_damaged_predictions_of_a_finalist_have_a_way_out(run: Path, content: bytes | None) -> None:
    file = next((run / "finalists").glob("*/*.choosing.safetensors"))
    name = str(file.relative_to(run))
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(RunError, match=r"choosing\.safetensors' cannot be read: .*resume to train it again"):
        read_predictions(RunFolder(run), name)


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree.pop("budget"),
        lambda tree: tree.pop("limits"),
        lambda tree: tree.update(tasks=3),
        lambda tree: tree.update(space=None),
        lambda tree: tree.update(space={"training": 3, "design": []}),
        lambda tree: tree.update(objectives=[{}, []]),
        lambda tree: tree["data"].update(tasks="click"),
        lambda tree: tree.update(data="x"),
        lambda tree: tree["budget"].update(seeds=10**9),
    ],
)
def test_a_request_with_wrong_parts_is_refused_in_one_line(run: Path, change: Callable[[Any], object]) -> None:
    tree = yaml.safe_load((run / "search.yaml").read_text())
    change(tree)
    (run / "search.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    with pytest.raises(MtlNasError) as refused:
        mn.load_run(run).space()
    assert "\n" not in str(refused.value)
