"""How long jobs may take, from the trainings that the record holds."""

from collections.abc import Iterator, Sequence

from mtl_nas.study.jobs import Job
from mtl_nas.study.search_state import SearchState

PATIENCE = 20.0  # times the slowest training so far that a training may take; designs differ by less
LEAST = 600.0  # seconds that jobs may take in any case


def deadline(state: SearchState, jobs: Sequence[Job]) -> float | None:
    """Seconds after which jobs of one worker count as hanging; None before a first training has ended."""
    slowest = max(_seconds_of_full_trainings(state), default=0.0)
    if not slowest:
        return None
    rungs = state.settings.rungs
    shares = (job.share - (0.0 if job.from_rung is None else rungs[job.from_rung]) for job in jobs)
    return LEAST + PATIENCE * slowest * sum(shares)


def _seconds_of_full_trainings(state: SearchState) -> Iterator[float]:
    rungs = state.settings.rungs
    for trial in state.trained:
        below = 0.0
        for rung in sorted(trial.scored):
            yield trial.scored[rung].seconds / (rungs[rung] - below)
            below = rungs[rung]
        yield from (result.seconds for result in trial.finalist.values())
