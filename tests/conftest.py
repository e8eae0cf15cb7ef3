"""What makes the quick tests quick: fewer examples of property tests, and no waiting for the disk."""

import os

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


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is synced after every event; quick tests write thousands, and none of them cuts the power."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
