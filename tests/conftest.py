"""How many examples property tests draw: few where slow tests are left out, so that the quick run stays quick."""

import pytest
from hypothesis import settings

settings.register_profile("quick", max_examples=8, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=60, deadline=None, derandomize=True)


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("--hypothesis-profile")
    settings.load_profile(asked or ("quick" if "not slow" in config.getoption("markexpr") else "full"))
