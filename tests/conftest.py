"""What makes the quick tests quick: fewer examples of property tests, no waiting for the disk, less to look through."""

import gc
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

ONE_SEARCH = (  # files in which one search or one Ray serves many tests
    "tests/study/test_search.py",
    "tests/exports/test_exports.py",
    "tests/test_files_of_older_versions.py",
)

settings.register_profile("quick", max_examples=8, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=60, deadline=None, derandomize=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-fault", action="store_true", help="inject every fault of tests/faults, not a share of them"
    )


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("--hypothesis-profile")
    settings.load_profile(asked or ("quick" if "not slow" in config.getoption("markexpr") else "full"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that start Ray as slow; where they run alone, start the longest first."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker("slow")
    if config.getoption("markexpr") == "ray":
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Return 0 for the longest tests, 1 for files with one search, 3 for tests that need the result of another."""
    turns = [mark.kwargs["turn"] for mark in item.iter_markers("ray") if "turn" in mark.kwargs]
    return turns[0] if turns else 1 if item.nodeid.startswith(ONE_SEARCH) else 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under ``--dist loadscope``, give a worker one test at a time, or a file whose tests share a search."""
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("::")[0] if nodeid.startswith(ONE_SEARCH) else nodeid

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules and tests stay until the end: the garbage collector need not look through them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)  # objects made since the last pass; 700 by default
        gc.enable()


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """What the package logs in a test. The fixture of pytest visits some 60 loggers of torch around every test."""
    lines: list[str] = []
    handler, logger = logging.Handler(), logging.getLogger("mtl_nas")
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is synced after every event; quick tests write thousands, and none of them cuts the power."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def ray_session() -> Iterator[None]:
    """One Ray with two cores for all searches of a module in this process; starting one takes seconds."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()
