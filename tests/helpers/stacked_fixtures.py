"""A table of two tasks, members on it that can be stacked, and jobs of trials."""

import numpy as np
import pandas as pd

import mtl_nas as mn
from mtl_nas.design import Losses, Proposal, Training
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.training import FitData, Member

ROWS = 300


def table() -> mn.Dataset:
    draw = np.random.default_rng(0)
    place, number = draw.integers(0, 6, ROWS), draw.normal(size=ROWS)
    click = (draw.random(ROWS) < 1 / (1 + np.exp(2 - place - number))).astype(float)
    click[:20] = np.nan
    history = [list(map(str, draw.integers(0, 5, draw.integers(0, 4)))) for _ in range(ROWS)]
    frame = pd.DataFrame({"place": place.astype(str), "number": number, "history": history, "click": click})
    frame["price"] = number + place + draw.normal(size=ROWS)
    return mn.load_dataset(
        frame,
        tasks={"click": {"kind": "binary"}, "price": {"kind": "regression"}},
        sequences={"history": {"items": "history"}},
        columns={"place": "category", "number": "number"},
    )


DATA = table()


def design(**parts: object) -> mn.Design:
    tree = {
        "inputs": {"embedding": 4, "numbers": "piecewise", "buckets": 8},
        "levels": [{"shared": 3, "specific": 1, "expert": {"hidden": [6], "norm": "batch"}}],
        "transfers": {"links": "chain"},
        "tower": {"hidden": [4]},
    }
    return mn.Design.model_validate({**tree, **parts})


def new_member(made: mn.Design, losses: Losses | None = None, **training: object) -> Member:
    asked = Training.model_validate(
        {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, "precision": "float64", **training}
    )
    return Member(mn.compose(made, DATA.schema), losses or made.losses, asked, FitData.of(DATA))


TRAINING = {"epochs": 3, "batch_size": 32, "precision": "float64"}


def trial_job(number: int, *, made: mn.Design | None = None, **changes: object) -> Job:
    training = Training.model_validate({**TRAINING, "learning_rate": 0.002 * (number + 1)})
    proposal = Proposal(design=made or design(), training=training)
    fields: dict[str, object] = {"rung": 0, "share": 1 / 3, "keep_state": True, **changes}
    return Job(number=number, kind="trial", seed=number, proposal=proposal, **fields)  # type: ignore[arg-type]


def done(files: dict[str, bytes], *jobs: Job) -> tuple[JobResult, ...]:
    return work(jobs, DATA, get=files.get, put=files.__setitem__)
