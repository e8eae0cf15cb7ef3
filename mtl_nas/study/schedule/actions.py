"""What a run can do next."""

from dataclasses import dataclass

from mtl_nas.record.events import Event
from mtl_nas.record.state import Standing, Trial
from mtl_nas.study.jobs import Job, seed_of
from mtl_nas.study.schedule.budget import Plan


@dataclass(frozen=True)
class Ask:
    """Propose the next trial: a preset, a trial once more on a new seed, or the sampler's choice."""

    preset: str | None = None
    again: int | None = None


@dataclass(frozen=True)
class Train:
    """Jobs that may run side by side; those that are running may be among them."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Decide:
    """Facts that have become true."""

    events: tuple[Event, ...]


@dataclass(frozen=True)
class Finish:
    """Every job is done: open the test split, write the best."""


Step = Ask | Train | Decide | Finish


def trial_job(standing: Standing, plan: Plan, trial: Trial) -> Job:
    """Train a trial to the rung that it is to reach, from the highest one that it has."""
    rung, proposed = plan.goes_to(standing, trial), trial.proposed
    seed = (
        ("train", proposed.proposal_key, proposed.replicate) if proposed.replicate else ("train", proposed.proposal_key)
    )
    return Job(
        number=trial.number,
        kind="trial",
        rung=rung,
        share=plan.budget.rungs[rung],
        from_rung=max(trial.scored) if trial.scored else None,
        keep_state=rung < len(plan.budget.rungs) - 1,
        seed=seed_of(plan.seed, *seed),
        proposal=plan.settled_proposal(trial),
        weights=plan.goal.weights,
    )
