"""A table of four tasks, one of each kind that most tables have, and members of fits on it."""

import numpy as np
import pandas as pd
import torch

from mtl_nas.blocks import Expert
from mtl_nas.composition import compose
from mtl_nas.data import Rows, load_dataset
from mtl_nas.design import Design, Inputs, Level, Losses, Training
from mtl_nas.training import FitData, Member


def table(rows: int = 1000) -> pd.DataFrame:
    random = np.random.RandomState(0)
    size, color = random.standard_normal(rows), random.randint(0, 4, rows)
    click = (size + (color > 1) + random.standard_normal(rows) > 0.5).astype(int)
    stars = np.array(["a", "b", "c"])[
        np.clip(np.round(size + 1 + 0.5 * random.standard_normal(rows)), 0, 2).astype(int)
    ]
    price = np.where(random.uniform(size=rows) < 0.3, np.nan, 100 + 10 * size + 3 * random.standard_normal(rows))
    seen = [random.randint(0, 9, random.randint(0, 6)).tolist() for _ in range(rows)]
    return pd.DataFrame(
        {
            "color": color.astype(str),
            "size": np.where(random.uniform(size=rows) < 0.1, np.nan, size),
            "seen": seen,
            "click": click,
            "buy": click * (random.uniform(size=rows) < 0.5),
            "stars": stars,
            "price": price,
        }
    ).astype({"buy": int})


TASKS = {"click": None, "buy": {"after": "click"}, "stars": None, "price": None}
DATA = load_dataset(table(), TASKS, split={"stratified": False})
TRAINING = Training(epochs=2, batch_size=64, learning_rate=0.01)


def noisy(norm: str = "batch", dropout: float = 0.2) -> Design:
    level = Level(shared=2, specific=1, expert=Expert(hidden=(8,), norm=norm, dropout=dropout))
    return Design(inputs=Inputs(embedding=4), levels=(level, level), losses=Losses(weighting="uncertainty"))


def new_member(design: Design | None = None, training: Training = TRAINING, train: Rows | None = None) -> Member:
    design = design or noisy()
    rows = DATA.rows("train") if train is None else train
    graph = compose(design, DATA.schema)
    return Member(graph, design.losses, training, FitData(DATA.schema, rows, DATA.rows("tuning")))


def assert_equal(member: Member, other: Member) -> None:
    assert member.checks == other.checks
    assert member.best == other.best
    assert (member.step, member.rows) == (other.step, other.rows)
    states = member.network.state_dict(), other.network.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    first, second = member.best_network().state_dict(), other.best_network().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
