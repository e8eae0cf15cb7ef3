"""Processes that fork after a prediction, such as gunicorn with ``--preload``."""

import os
from functools import cache

import torch


@cache
def let_children_compute() -> None:
    """Let processes that this one forks compute with torch, each on one thread.

    The threads of OpenMP that torch has started are not in a forked child, which would wait for them for ever. With one
    thread per child, it needs none. The first call registers this; further calls do nothing.
    """
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(after_in_child=_use_one_thread)


def _use_one_thread() -> None:
    torch.set_num_threads(1)
