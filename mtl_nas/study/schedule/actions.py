"""The actions of a search."""

from dataclasses import dataclass

from mtl_nas.record import Event, Trial
from mtl_nas.study.jobs import Job, training_seed, with_precision
from mtl_nas.study.objectives import BASELINE
from mtl_nas.study.schedule.budget import next_rung
from mtl_nas.study.search_state import SearchState


@dataclass(frozen=True)
class Propose:
    """Propose the next trial: a preset, one of the portfolio, a replicate of a trial, or a suggestion."""

    origin: str | None = None  # preset:NAME or portfolio:NAME
    replicate_of: int | None = None


@dataclass(frozen=True)
class Train:
    """Do jobs, in any order and in parallel; some of them may be running already."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Decide:
    """Write events that follow from the state."""

    events: tuple[Event, ...]


@dataclass(frozen=True)
class Finish:
    """All jobs are done: score the finalists on the test rows and write the best model."""


Action = Propose | Train | Decide | Finish


def trial_job(state: SearchState, trial: Trial) -> Job:
    """The job that trains a trial from the highest rung that it has reached to the next one."""
    settings, proposed = state.settings, trial.proposed
    rung = next_rung(state, trial)
    limit = None if trial.preset == BASELINE else settings.limits.get("latency_ms")
    needed = "latency_ms" in settings.limits or "latency_ms" in settings.objectives
    latency = needed and not trial.scored
    return Job(
        number=trial.number,
        kind="trial",
        rung=rung,
        share=settings.rungs[rung],
        from_rung=max(trial.scored) if trial.scored else None,
        stops=tuple(settings.rungs[scored] for scored in sorted(trial.scored)),
        keep_state=rung < len(settings.rungs) - 1,
        keep_network=rung >= state.highest_rung,
        seed=training_seed(settings.seed, proposed),
        proposal=with_precision(trial.proposal, state.precision),
        weights=state.objective.task_weights,
        latency=latency,
        limits={"latency_ms": limit} if latency and limit else {},
    )
