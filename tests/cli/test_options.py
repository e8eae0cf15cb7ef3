"""Options: what --help shows, which settings the command line can change, and how much is printed."""

import inspect
import logging
from importlib import metadata

import pytest
from shop import TREE, changed, written

import mtl_nas as mn
from mtl_nas.cli.app import app
from mtl_nas.cli.notes import LOG
from mtl_nas.cli.options import with_settings
from mtl_nas.cli.searches import open_search

COMMANDS = [command.callback.__name__ for command in app.registered_commands]
TINY = {"design": {"levels": [{"shared": {"int": [1, 3]}, "expert": {"hidden": [8]}}]}, "training": {"epochs": 1}}


@pytest.fixture(autouse=True)
def _level():
    yield
    LOG.setLevel(logging.NOTSET)


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_80_columns_and_nothing_is_cut(typed, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = typed(*([command] if command else []), "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert not [line for line in out.splitlines()[2:] if line.rstrip(" │").endswith("...")]
    assert "…" not in out


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        ("run", "[auto|tpe|evolution|local|nsga2|random]"),
        ("check", "[synchronous|asynchronous]"),
        ("show", "[text|mermaid|svg]"),
        ("export", "[torch|onnx|onnx-encoded|source|torch-export]"),
        ("adapt", "[frozen|finetuned|inner]"),
    ],
)
def test_help_lists_choices(typed, monkeypatch, command, choices):
    monkeypatch.setenv("COLUMNS", "200")
    assert choices in typed(command, "--help")[1]


def test_help_of_run_groups_every_setting(typed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = typed("run", "--help")[1]
    assert [panel for panel in ("Resources", "Budget", "Schedule", "Search") if f"─ {panel} ─" in out] == [
        "Resources",
        "Budget",
        "Schedule",
        "Search",
    ]
    for name, field in mn.SearchSettings.model_fields.items():
        assert f"--{name}" in out
        assert field.description in out
    assert "--install-completion" in typed("--help")[1]


def test_check_takes_the_options_of_run():
    run, check = (
        next(command.callback for command in app.registered_commands if command.callback.__name__ == name)
        for name in ("run", "check")
    )
    assert list(inspect.signature(run).parameters) == list(inspect.signature(check).parameters)


def test_options_become_settings_as_in_a_search_file(here):
    @with_settings
    def settled(*, settings):
        received.append(open_search("search.yaml", None, None, settings).settings)

    received = []
    options = dict.fromkeys(mn.SearchSettings.model_fields)
    settled(**options)
    settled(
        **options
        | {"trials": 8, "time": "30m", "rungs": "0.5, 1", "racing": False, "objectives": "worst, parameters"}
        | {"limits": "parameters=2e6, latency_ms=2", "presets": "none", "start": "old"}
    )
    unchanged, settings = received
    assert unchanged == mn.SearchSettings.model_validate(TREE.get("search", {}))
    assert settings == mn.SearchSettings(
        trials=8,
        time=1800,
        rungs=(0.5, 1),
        racing=False,
        objectives=("worst", "parameters"),
        limits={"parameters": 2e6, "latency_ms": 2},
        presets=(),
        start="old",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--sampler", "tpee"),
            "no sampler 'tpee'; samplers: auto, tpe, evolution, local, nsga2, random; did",
        ),
        (("--limits", "parameters"), "search: limits.parameters: input should be a valid number, unable to parse"),
        (
            ("--limits", "size=3"),
            "search: limits: limits are positive numbers for parameters, macs, latency_ms, got ",
        ),
        (("--rungs", "0.5"), "search: rungs are rising shares that end at 1, got [0.5]"),
    ],
)
def test_a_setting_that_is_wrong_says_why(here, refused, words, message):
    for command in ("run", "check"):
        assert refused(command, "search.yaml", *words).startswith(message)


def test_the_version_is_that_of_the_package(typed):
    assert typed("--version") == (0, f"mtl-search {metadata.version('mtl_nas')}\n", "")


def test_quiet_prints_results_alone_and_verbose_prints_where_an_error_was_raised(here, typed):
    assert "task 'click': binary" in typed("init", "shop.csv", "--tasks", "click", "--to", "loud.yaml")[2]
    words = ("init", "shop.csv", "--tasks", "click", "--to", "quiet.yaml")
    assert typed("--quiet", *words) == (0, "wrote quiet.yaml; next: mtl-search check quiet.yaml\n", "")
    code, _, err = typed("--quiet", *words)
    assert (code, err) == (2, "mtl-search: 'quiet.yaml' exists already; give another --to\n")
    code, _, err = typed("--verbose", *words)
    assert code == 2
    assert err.startswith("Traceback (most recent call last):")
    assert err.endswith("mtl-search: 'quiet.yaml' exists already; give another --to\n")


def test_check_estimates_the_search_that_the_options_describe(here, typed):
    written(TINY, "own.yaml")
    words = (
        "--space",
        "own.yaml",
        "--cpus",
        "3",
        "--trials",
        "7",
        "--compare",
        "full",
        "--finalists",
        "2",
        "--seeds",
        "4",
        "--presets",
        "none",
    )
    code, out, _ = typed("check", "search.yaml", *words, "--limits", "macs=1e6")
    assert code == 0
    out = " ".join(out.split())
    assert "7 trials, then 2 finalists and the best presets on 4 seeds: about " in out
    assert "on 3 workers" in out
    assert "no design above 1,000,000 macs is trained" in out


@pytest.mark.filterwarnings("default::FutureWarning")
def test_words_of_the_version_before_are_read_with_one_note(here, typed):
    training = {"passes": {"choice": [1, 2]}}
    written(TINY | {"training": training}, "own.yaml")
    code, out, err = typed("check", "search.yaml", "--space", "own.yaml", "--cpus", "1")
    assert code == 0
    assert "space own" in out
    notes = [line for line in err.splitlines() if line.startswith("mtl-search: note: ")]
    assert notes == [
        "mtl-search: note: space 'own': training: 'passes' is now 'epochs'; the next version reads the new name alone"
    ]


@pytest.mark.filterwarnings("default::FutureWarning")
def test_a_search_file_with_words_of_the_version_before_goes_on(here, typed):
    file = changed(search={"trials": 3, "seconds": 60})
    code, _, err = typed("check", file, "--space", "mmoe", "--cpus", "1")
    assert code == 0
    assert err == "mtl-search: note: search: 'seconds' is now 'time'; the next version reads the new name alone\n"
