"""Trials of an earlier run in a wider space: their scores count, their work does not."""

from pathlib import Path
from typing import Any

import pytest
from study_fixtures import SPACE, driver, events, request, run

from mtl_nas.errors import RunError
from mtl_nas.record import Finalist, Note, Proposed, RunFolder, Scored
from mtl_nas.study.driver import Driver
from mtl_nas.study.warm_start import refuse_other_start, take_over

WIDER: dict[str, Any] = {
    **SPACE,
    "design": {**SPACE["design"], "inputs": {"embedding": {"choice": [4, 2, 8, 16]}}},
}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A finished search of the narrow space."""
    folder = tmp_path / "first"
    RunFolder(folder).begin(request())
    run(driver(folder, request()))
    return folder


def second(folder: Path, start: Path, **changes: Any) -> Driver:
    asked = request(tree=WIDER, start=start, **changes)
    refuse_other_start(asked)
    made = driver(folder, asked, tree=WIDER)
    take_over(made.journal, made.proposer._space)
    return made


def taken(folder: Path) -> list[Proposed]:
    return [event for event in events(folder) if isinstance(event, Proposed) and event.taken_over]


def test_trials_are_taken_over_with_their_scores_and_no_work(first: Path, tmp_path: Path) -> None:
    made = second(tmp_path / "second", first)
    before = [event for event in events(first) if isinstance(event, Proposed) and event.duplicate_of is None]
    assert len(taken(tmp_path / "second")) == len(before)
    assert {event.proposal_key for event in taken(tmp_path / "second")} == {event.proposal_key for event in before}
    assert made.state.rows == 0
    proposed = {event.number: event for event in taken(tmp_path / "second")}
    for event in events(tmp_path / "second"):
        if isinstance(event, Scored):
            key = proposed[event.number].proposal_key
            old = next(trial for trial in before if trial.proposal_key == key)
            scores = [one.score for one in events(first) if isinstance(one, Scored) and one.number == old.number]
            assert event.score in scores


def test_the_search_goes_on_with_all_of_its_own_trials_and_trains_no_known_design_again(
    first: Path, tmp_path: Path
) -> None:
    made = second(tmp_path / "second", first)
    count = len(taken(tmp_path / "second"))
    jobs = run(made)
    own = [trial for trial in made.state.trained if not trial.proposed.taken_over]
    assert len(own) == made.state.settings.trials
    assert not {job.number for job in jobs if job.kind == "trial"} & set(range(count))
    assert [event for event in events(tmp_path / "second") if isinstance(event, Finalist)]


def test_a_break_while_trials_are_taken_over_changes_nothing(first: Path, tmp_path: Path) -> None:
    second(tmp_path / "whole", first)
    whole = (tmp_path / "whole" / "trials.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    for count in range(len(lines) + 1):
        folder = tmp_path / f"cut{count}"
        folder.mkdir()
        (folder / "trials.jsonl").write_bytes(b"".join(lines[:count]))
        second(folder, first)
        assert (folder / "trials.jsonl").read_bytes() == whole


def test_it_says_how_many_the_new_space_holds(first: Path, tmp_path: Path) -> None:
    second(tmp_path / "second", first)
    (note,) = [event for event in events(tmp_path / "second") if isinstance(event, Note) and "taken over" in event.text]
    count = len(taken(tmp_path / "second"))
    assert note.text == f"{count} of {count} trials taken over from first"


def test_other_rungs_and_other_data_are_refused_in_one_line(first: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"^'.*first' scored its trials at rungs \[0\.3333, 1\.0\], this search at"):
        second(tmp_path / "second", first, rungs=(0.25, 1.0))
    asked = request(tree=WIDER, start=first).model_copy(update={"fingerprint": "e" * 32})
    with pytest.raises(RunError, match="is a search on other data"):
        refuse_other_start(asked)
