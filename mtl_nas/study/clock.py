"""The wall time of a search, which limits proposals and finalists."""

import time
from collections.abc import Callable
from statistics import fmean

from mtl_nas.record import Chosen, Closed
from mtl_nas.study.schedule.finalists import fewer_finalists
from mtl_nas.study.search_state import SearchState

SEARCH_SHARE = 0.6  # share of the time for proposals; the rest is for finalists


class Clock:
    """Measures the time of a search against the option ``time``, if it is set.

    Work in the record, such as that before a resume, is charged as done by the current number of workers.
    """

    def __init__(self, state: SearchState, *, workers: int, now: Callable[[], float] = time.monotonic) -> None:
        self._state, self._now = state, now
        self.set_workers(workers)

    def set_workers(self, workers: int) -> None:
        self._workers = workers
        self._start = self._now() - self._state.seconds / workers

    @property
    def left(self) -> float | None:
        """Seconds left; None if the search has no limit of time."""
        given = self._state.settings.time
        return None if given is None else given - (self._now() - self._start)

    @property
    def over(self) -> bool:
        """Whether the time of the search is up."""
        return self.left is not None and self.left <= 0

    def closing(self) -> Closed | None:
        """The event that ends proposals, once their share of the time is over; else None."""
        left, given, state = self.left, self._state.settings.time, self._state
        if left is None or given is None or state.closed is not None or state.chosen is not None or not state.trials:
            return None
        if left >= (1 - SEARCH_SHARE) * given:
            return None
        return Closed(reason=f"time for proposals is up ({SEARCH_SHARE:.0%} of {given:.0f} s)")

    def affordable(self, chosen: Chosen) -> Chosen:
        """The finalists and seeds that can be trained in the time left, by the mean time of a full training so far."""
        left, rungs = self.left, self._state.settings.rungs
        seconds = [
            sum(scored.seconds for scored in trial.scored.values()) / rungs[max(trial.scored)]
            for trial in self._state.trained
            if trial.scored
        ]
        if left is None or not seconds or not chosen.numbers:
            return chosen
        return fewer_finalists(self._state, chosen, max(left, 0.0) * self._workers / fmean(seconds))
