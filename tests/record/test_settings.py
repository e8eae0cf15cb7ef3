"""The options of a search: one value for search files, the command line, Python and run folders."""

from pathlib import Path
from typing import Any

import pytest

import mtl_nas as mn
from mtl_nas.errors import RunError
from mtl_nas.record import Budget, Request, SearchSettings
from mtl_nas.values import parse


@pytest.mark.parametrize("name", SearchSettings.model_fields)
def test_every_option_is_described_for_help_and_docs(name: str) -> None:
    description = SearchSettings.model_fields[name].description
    assert description
    assert description[0].islower() or description.startswith("a ")
    assert not description.endswith(".")


def test_settings_survive_a_run_folder() -> None:
    settings = SearchSettings(
        trials=7, time="2h", objectives=["mean", {"a": 2.0}], limits={"macs": 1e6}, presets=["ple"], start="there"
    )
    assert SearchSettings.model_validate_json(settings.model_dump_json()) == settings
    assert settings.time == 7200.0
    assert settings.start == str(Path("there").absolute())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"objectives": "worst"}, ("worst",)),
        ({"objectives": {"click": 2}}, ({"click": 2.0},)),
        ({"objectives": ["mean", "macs"]}, ("mean", "macs")),
        ({"limits": None}, {}),
        ({"time": 90}, 90.0),
        ({"time": "90s"}, 90.0),
        ({"time": "1.5m"}, 90.0),
    ],
)
def test_what_people_write_is_read(given: dict[str, Any], expected: object) -> None:
    (name,) = given
    assert getattr(SearchSettings(**given), name) == expected


def test_seconds_is_an_older_word_for_time() -> None:
    with pytest.warns(FutureWarning, match="'seconds' is now 'time'"):
        assert Budget.model_validate({"seconds": 60}).time == 60.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trails": 3}, "search: unknown key 'trails'; did you mean 'trials'?"),
        ({"trials": 0}, "search: trials: input should be greater than or equal to 1, got 0"),
        ({"time": "soon"}, "search: time: a time is written 90s, 30m or 2h, got 'soon'"),
        ({"rungs": [0.5]}, "search: rungs are rising shares that end at 1, got [0.5]"),
    ],
)
def test_a_wrong_option_is_refused_by_name(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(RunError) as problem:
        SearchSettings().updated(changes)
    assert str(problem.value) == message


def test_a_search_with_a_wrong_option_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="unknown key 'trails'"):
        mn.search("mmoe", mn.load_dataset("synthetic-funnel"), folder=tmp_path / "run", trails=3)
    assert not (tmp_path / "run").exists()


def test_a_budget_replaces_all_fields_of_the_budget_and_no_others() -> None:
    settings = SearchSettings(trials=5, cohort=3, seed=4).updated({"budget": Budget(trials=16), "sampler": "tpe"})
    assert settings == SearchSettings(trials=16, seed=4, sampler="tpe")


def test_requests_of_version_1_are_read() -> None:
    tree = {
        "version": 1,
        "data": {},
        "tasks": ["a"],
        "fingerprint": "f",
        "space": {},
        "space_name": "s",
        "budget": {"trials": 5, "seconds": 60.0},
        "objectives": ["mean", "operations"],
        "limits": {"operations": 3.0},
        "seed": 2,
    }
    request = parse(Request, tree, "search.yaml")
    assert request.settings == SearchSettings(
        trials=5, time=60.0, objectives=("mean", "macs"), limits={"macs": 3.0}, seed=2, compare="full", portfolio=False
    )
