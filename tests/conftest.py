"""What makes the quick tests quick: fewer examples of property tests, no waiting for the disk, less to look through."""

import gc
import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("quick", max_examples=8, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=60, deadline=None, derandomize=True)


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("--hypothesis-profile")
    settings.load_profile(asked or ("quick" if "not slow" in config.getoption("markexpr") else "full"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start Ray are slow."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker("slow")


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
