"""Cases of a test that the quick run leaves to the slow one."""

from functools import partial

import pytest

slow = partial(pytest.param, marks=pytest.mark.slow)
