"""What tests of a run share: small spaces and requests, and workers that only pretend to train.

``trained`` is what a made-up worker answers: a number that depends on the proposal, the seed and the share of the work
alone, so that every difference between two runs is the driver's.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy_reference import schema_of

from mtl_nas.data import Dataset, Schema, load_dataset
from mtl_nas.design import Proposal
from mtl_nas.presets import compatible_presets
from mtl_nas.record import (
    Budget,
    Event,
    Finalist,
    Journal,
    Measured,
    Proposed,
    Record,
    Request,
    Scored,
    SearchSettings,
    Selected,
    Watcher,
)
from mtl_nas.scoring import Scores
from mtl_nas.space import Decisions, SearchSpace, plain_tree, read_space
from mtl_nas.study import Resources, Run, search
from mtl_nas.study.clock import Clock
from mtl_nas.study.driver import Driver
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.objectives.limits import presets_within
from mtl_nas.study.objectives.objective import Objective
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.schedule.actions import Action, Decide
from mtl_nas.study.schedule.next_action import next_action
from mtl_nas.study.search_state import SearchState

RUNGS = (1 / 3, 1.0)
ROWS = 900  # of one full training
PLAIN = schema_of("income", "married", numbers=2, categories=(5,))
FUNNEL = schema_of("click", "buy<click", numbers=2, categories=(5,))

# A hole of every kind, and one path (``design.levels.0.mixing.hidden``) that two branches ask differently.
SPACE: dict[str, Any] = {
    "design": {
        "inputs": {"embedding": {"choice": [4, 2, 8]}},
        "levels": {
            "repeat": [0, 2],
            "default": 1,
            "of": {
                "shared": {"int": [1, 6]},
                "expert": {"hidden": {"choice": [[8], [16], [8, 8]]}},
                "mixing": {
                    "choice": [
                        {"placement": "task", "hidden": {"choice": [[], [4]]}},
                        {"placement": "all", "hidden": {"choice": [[4], [8], [16]]}},
                    ]
                },
            },
        },
        "tower": {"hidden": {"choice": [[], [8]]}},
    },
    "training": {
        "epochs": 1,
        "learning_rate": {"float": [1e-4, 1e-2], "log": True},
        "patience": {"maybe": {"int": [1, 3]}},
    },
}
TINY: dict[str, Any] = {"design": {"levels": [{"shared": {"int": [2, 4]}}], "tower": {"hidden": {"choice": [[], [8]]}}}}

Work = Callable[[Job], JobResult]
_SPACES: dict[str, SearchSpace] = {}


def space(tree: Mapping[str, Any] = SPACE, *, schema: Schema = FUNNEL, name: str = "made-up") -> SearchSpace:
    """Made once: defining a space tries it."""
    cached = _SPACES.get(key := json.dumps([tree, schema.task_names, name]))
    return cached or _SPACES.setdefault(key, read_space(tree, name).for_schema(schema))


def request(*, tree: Mapping[str, Any] = SPACE, schema: Schema = FUNNEL, **settings: Any) -> Request:
    schedule = {"trials": 12, "rungs": RUNGS, "cohort": 4, "finalists": 2, "seeds": 2}
    fields = {**schedule, "compare": "full", "sampler": "tpe", **settings}
    return Request(
        data={},
        tasks=schema.task_names,
        metrics={task.name: task.main_metric for task in schema.tasks},
        fingerprint="f" * 32,
        space=plain_tree(space(tree, schema=schema)),
        space_name="made-up",
        settings=SearchSettings(**fields),
    )


def driver(
    folder: Path,
    asked: Request,
    *,
    tree: Mapping[str, Any] = SPACE,
    schema: Schema = FUNNEL,
    presets: Sequence[str] = ("single_task", "mmoe", "ple"),
    gpus: int = 0,
    workers: int = 1,
    watchers: Sequence[Watcher] = (),
    now: Callable[[], float] = time.monotonic,
) -> Driver:
    """The driver of the record in a folder, as a search or a resume makes it."""
    folder.mkdir(exist_ok=True)
    record = Record(folder / "trials.jsonl")
    record.repair()
    designs = compatible_presets(schema).designs
    chosen = presets_within(asked.settings.limits, {name: designs[name] for name in presets}, schema)
    state = SearchState.of(asked, presets=chosen, full_rows=ROWS)
    journal = Journal(record, state, watchers)
    proposer = Proposer(journal, space(tree, schema=schema), schema, chosen)
    made = Driver(journal, proposer, Clock(state, workers=workers, now=now))
    made.runs_on(workers, gpus)
    return made


def chance(*parts: object) -> float:
    """Between 0 and 1, by what it is for."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


def trained(job: Job, *, rungs: Sequence[float] = RUNGS) -> JobResult:
    """More experts help a little, the rest is noise; a longer training is better. Rows since the rung before."""
    proposal, before = job.proposal, 0.0 if job.from_rung is None else rungs[job.from_rung]
    experts = sum(level.shared for level in proposal.design.levels)
    words = proposal.model_dump_json()
    score = 0.6 + 0.01 * experts + 0.1 * chance(words) + 0.05 * job.share * chance(words, job.share, job.seed)
    apart = 0.05 * chance(words, "apart")
    scores: Scores = {"click": {"auc": score + apart}, "buy": {"auc": score - apart}}
    luck = 0.02 * chance(words, job.share, job.seed, "choosing")
    choosing = Measured(score=score + luck, scores={head: {"auc": score + luck} for head in scores})
    return JobResult(
        score=score,
        scores=scores,
        choosing=choosing if job.keep_network else None,
        rows=round(ROWS * (job.share - before)),
        seconds=job.share,
        latency_ms=1.0 + experts if job.latency else None,
    )


def scripted(*, failures: Mapping[tuple[int, int], Sequence[JobResult]], work: Work = trained) -> Work:
    """A worker that answers some (number, rung) with failures first, one an attempt, and then works."""
    left = {place: list(answers) for place, answers in failures.items()}

    def answer(job: Job) -> JobResult:
        waiting = left.get((job.number, job.rung), []) if job.kind == "trial" else []
        return waiting.pop(0) if waiting else work(job)

    return answer


def jobs_done(driven: Driver, *, work: Work = trained, workers: int = 1, order: int = 0) -> Iterator[Job]:
    """Run to the end on so many workers; who is done first is a matter of chance. Yields jobs as they start."""
    dice, running = random.Random(order), list[Job]()
    while True:
        while len(running) < workers and (jobs := driven.next_jobs()):
            running.extend(jobs)
            yield from jobs
        if not running:
            assert driven.done
            return
        done = running.pop(dice.randrange(len(running)))
        driven.job_done(done, work(done))


def run(driven: Driver, *, work: Work = trained, workers: int = 1, order: int = 0) -> list[Job]:
    """Run to the end; the jobs in the order in which they started."""
    return list(jobs_done(driven, work=work, workers=workers, order=order))


def events(folder: Path) -> list[Event]:
    return list(Record(folder / "trials.jsonl"))


def decisions(events: Sequence[Event]) -> list[Event]:
    """The events that are decided, in their order; those that arrive are left out, and the best of what arrived."""
    return [event for event in events if event.event not in ("scored", "failed", "finalist", "selected")]


def arrived_or_decided(events: Sequence[Event]) -> list[str]:
    """The events in words, in an order that does not depend on which arrived first."""
    return sorted(repr(event) for event in events if event.event != "selected")


def timeless(events: Sequence[Event]) -> list[Event]:
    """The same events without what a clock had a part in."""
    measured = ("seconds", "rows_per_second")
    return [
        event.model_copy(update={name: 0.0 for name in measured if name in type(event).model_fields})
        for event in events
    ]


def proposed(number: int, proposal: Proposal | None = None, **fields: Any) -> Proposed:
    """A line of the record, made by hand."""
    defaults: dict[str, Any] = {
        "number": number,
        "origin": "random",
        "proposal": proposal or Proposal(),
        "architecture_key": f"a{number}",
        "proposal_key": f"p{number}",
        "parameters": 10,
        "macs": 20,
    }
    return Proposed(**{**defaults, **fields})


def scored(number: int, rung: int, score: float, **fields: Any) -> Scored:
    defaults: dict[str, Any] = {"scores": {"click": {"auc": score}}, "rows": 100, "seconds": 0.5}
    return Scored(number=number, rung=rung, score=score, **{**defaults, **fields})


def finalist(number: int, seed: int, score: float = 0.5, **fields: Any) -> Finalist:
    defaults: dict[str, Any] = {"scores": {"click": {"auc": score}}, "rows": 100, "seconds": 1.0}
    return Finalist(number=number, seed=seed, score=score, **{**defaults, **fields})


def state_of(
    *events: Event,
    budget: Budget | None = None,
    objective: Objective | None = None,
    presets: Sequence[str] = (),
    full_rows: int = 1,
    gpus: int = 0,
    **settings: Any,
) -> SearchState:
    """The state of a search after some events."""
    options = SearchSettings(**{**dict(budget or Budget()), "compare": "full", **settings})
    return SearchState(options, objective or Objective(), tuple(presets), full_rows, gpus=gpus).after(events)


def action_after_selection(state: SearchState) -> Action:
    """The next action once ``best/`` holds the best network."""
    action = next_action(state)
    while isinstance(action, Decide) and isinstance(action.events[0], Selected):
        action = next_action(state.after(action.events))
    return action


def drawn(made: SearchSpace, number: int, decider: Any, **fields: Any) -> Proposed:
    """A proposal of a space as a line of the record."""
    proposal, made_of = made.draw(decider)
    decided: Decisions = made_of
    return proposed(number, proposal, decisions=decided, **fields)


# Searches that really train, on few rows


def frame(rows: int = 600) -> pd.DataFrame:
    """A color, a price and a day; clicks follow both, what is bought follows the price."""
    dice = np.random.RandomState(0)
    color, price, day = dice.randint(4, size=rows), dice.standard_normal(rows), dice.randint(300, size=rows)
    click = dice.standard_normal(rows) + price + 0.7 * (color == 1) > 0
    return pd.DataFrame(
        {
            "farbe": np.array(["rot", "grün", "blau", "weiß"])[color],
            "preis": price.round(3),
            "tag": day,
            "klick": click.astype(int),
            "größe": (price**2 + 0.3 * dice.standard_normal(rows)).round(3),
        }
    )


def dataset() -> Dataset:
    return load_dataset(frame(), tasks={"klick": {"kind": "binary"}, "größe": {"kind": "regression"}})


def small_search(folder: str | Path, *, cpus: int = 2, **changes: Any) -> Run:
    """Six presets and four draws, half of them trained to the end, finalists on one seed."""
    budget = Budget(trials=10, rungs=(0.5, 1.0), reduction=2.0, cohort=4, finalists=2, seeds=1, compare="full")
    resources = Resources(cpus=cpus)
    options: dict[str, Any] = {"budget": budget, "ensemble": False, "seed": 3, "resources": resources, **changes}
    return search(read_space(SPACE, "made-up"), options.pop("data", None) or dataset(), folder=folder, **options)
