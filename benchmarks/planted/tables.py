"""Four tables of which the best sharing is known, and a space small enough to train all of it.

Experts are rows of tanh units, and so is what the labels follow: what decides is not how well small networks
happen to be trained but how many units a task can have, and how many labels teach them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mtl_nas as mn
from mtl_nas.space import read_space

VALIDATION, TEST = 16_000, 16_000
EXPERT = {"hidden": [8], "activation": "tanh"}
TRAINING = {"learning_rate": 1e-2, "schedule": "linear"}  # passes and batch size follow the table
FIXED = {"inputs": {"numbers": "standard"}, "tower": {"hidden": []}}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plant:
    """A table, what is planted in it, and how a design that has it is told: by its experts and links.

    Experts beside those that are planted are no harm: what a design is worth decides, not whether it is the smallest.
    """

    data: Callable[[], mn.Dataset]
    about: str
    planted: Mapping[str, Any]  # the smallest design that has it
    has: Callable[[mn.Design], bool]

    @property
    def design(self) -> mn.Design:
        """The planted one."""
        return mn.Design.model_validate(FIXED | self.planted)


def space(data: mn.Dataset) -> mn.SearchSpace:
    """Which tasks share, all experts being of one size; a funnel may be informed along, other tasks may have gates.

    Not both: a gate that weighs experts row by row computes what the transfer does, and does it as well.
    """
    has_funnel = data.schema.has_funnel
    mixing = {"placement": "none" if has_funnel else {"choice": ["none", "task"]}}
    levels = [
        level(shared={"int": [1, 2]}, specific={"int": [0, 2]}, mixing=mixing),
        level(specific={"int": [1, 2]}, mixing=mixing),
    ]
    if any(task.family for task in data.schema.tasks):
        levels.append(level(family=1, shared={"int": [0, 1]}, specific={"int": [0, 1]}, mixing=mixing))
    links = {"choice": ["none", "chain"]} if has_funnel else "none"
    design = FIXED | {"levels": [{"choice": levels}], "transfers": {"links": links}}
    return read_space({"design": design, "training": TRAINING}, "planted")


def level(**more: Any) -> dict[str, Any]:
    """A row of experts."""
    return {"shared": 0, "specific": 0, "expert": EXPERT, "mixing": {"placement": "none"}, **more}


@cache
def alike() -> mn.Dataset:
    """Correlation 1: eight readings of one bend, each under much noise of its own, and few rows.

    Sharing has to win: an expert of all tasks learns the bend from eight labels a row, whose noises cancel; an expert
    of one task has one label a row and room to fit its noise.
    """
    random, features = drawn(800, columns=24)
    signal = bend(random, features, units=4)
    return dataset(features, {f"reading{place + 1}": noisy(random, signal, 0.2) for place in range(8)})


@cache
def unlike() -> mn.Dataset:
    """Correlation 0: six labels, each by two steep bends in a space of its own, almost without noise.

    Parting has to win: the tasks need twelve units and more, experts that all share give them eight, and what a unit
    is for one task is noise for the others; an expert of one task has room for all that it needs.
    """
    random, features = drawn(1_200, columns=24)
    turned = features @ orthonormal(random, 24, 24)
    parts = np.split(turned, 6, axis=1)  # four directions each, at right angles to the others'
    signals = [bend(random, part, units=2, slope=3.0) for part in parts]
    return dataset(features, {f"task{place + 1}": noisy(random, signal, 0.95) for place, signal in enumerate(signals)})


@cache
def funnel() -> mn.Dataset:
    """Click -> buy: what draws the click speaks for the purchase where column 1 is high, against it where it is low.

    The transfer has to win: the clicks teach the interest, and its product with column 1 is what the transfer's softmax
    of one state by another can compute; a row of units, shared or not, whose mean a linear tower reads cannot.
    """
    random, features = drawn(3_000, columns=20)
    interest = bend(random, features[:, 1:], units=4)
    click = chance(random, 2.5 * interest, 0.5)
    buy = click * chance(random, 6 * np.tanh(2 * features[:, 0]) * interest, 0.2)
    tasks = {"click": {"kind": "binary"}, "buy": {"kind": "binary", "after": "click"}}
    return dataset(features, {"click": click, "buy": buy}, tasks)


@cache
def harmful() -> mn.Dataset:
    """Eight noisy mixes of four hidden bends, which help one another, and a loud task: which of 16 kinds a row is.

    Isolation has to win: the mixes need one another's labels to find what is hidden, and all the units that this takes;
    the kinds have more directions than an expert has units, so that the loud task fills whatever it has a part in.
    """
    random, features = drawn(800, columns=24)
    hidden = np.tanh(features @ orthonormal(random, 24, 4))
    mixes = standard(hidden @ random.standard_normal((4, 8)))
    labels = {f"mix{place + 1}": noisy(random, signal, 0.4) for place, signal in enumerate(mixes.T)}
    labels["loud"] = (features @ random.standard_normal((24, 16))).argmax(axis=1).astype(np.float64)
    tasks = {name: {"kind": "regression", "family": "mixes"} for name in labels if name != "loud"}
    return dataset(features, labels, tasks | {"loud": {"kind": "multiclass", "family": "loud"}})


def drawn(train: int, *, columns: int) -> tuple[np.random.Generator, Floats]:
    random = np.random.default_rng(0)
    return random, random.standard_normal((train + VALIDATION + TEST, columns))


def bend(random: np.random.Generator, features: Floats, *, units: int, slope: float = 1.5) -> Floats:
    """A sum of hyperbolic tangents of random directions, with mean 0 and deviation 1."""
    directions = orthonormal(random, features.shape[1], units)
    return standard(np.tanh(slope * features @ directions) @ random.choice([-1.0, 1.0], units))


def standard(values: Floats) -> Floats:
    """Mean 0 and deviation 1, by column."""
    found: Floats = (values - values.mean(axis=0)) / values.std(axis=0)
    return found


def orthonormal(random: np.random.Generator, columns: int, count: int) -> Floats:
    """Directions at right angles, (columns, count)."""
    found: Floats = np.linalg.qr(random.standard_normal((columns, count)))[0]
    return found


def noisy(random: np.random.Generator, signal: Floats, share: float) -> Floats:
    """Variance 1, of which the signal is that share."""
    label: Floats = np.sqrt(share) * signal + np.sqrt(1 - share) * random.standard_normal(len(signal))
    return label


def chance(random: np.random.Generator, logit: Floats, rate: float) -> Floats:
    """1 with the logistic chance of the logit, moved so that the median row has the logit of the rate."""
    probability = 1 / (1 + np.exp(-(logit - np.median(logit) + np.log(rate / (1 - rate)))))
    label: Floats = (random.uniform(size=len(logit)) < probability).astype(np.float64)
    return label


def dataset(
    features: Floats, labels: Mapping[str, Floats], tasks: Mapping[str, Mapping[str, str]] | None = None
) -> mn.Dataset:
    """Regression tasks unless they are declared."""
    split = np.repeat(["train", "validation", "test"], [len(features) - VALIDATION - TEST, VALIDATION, TEST])
    columns = {f"x{place + 1}": values for place, values in enumerate(features.T.astype(np.float32))}
    declared = tasks or {name: {"kind": "regression"} for name in labels}
    return mn.load_dataset(pd.DataFrame({**columns, **labels, "split": split}), declared, split={"column": "split"})


PLANTS = {
    "shared": Plant(
        alike, "correlation 1: share", {"levels": [level(shared=1)]}, lambda design: design.levels[0].shared > 0
    ),
    "separate": Plant(
        unlike, "correlation 0: part", {"levels": [level(specific=1)]}, lambda design: design.levels[0].specific != 0
    ),
    "transfer": Plant(
        funnel,
        "click informs buy",
        {"levels": [level(specific=1)], "transfers": {"links": "chain"}},
        lambda design: design.transfers.links != "none",
    ),
    "isolated": Plant(
        harmful,
        "the loud task apart, the others together",
        {"levels": [level(family=1)]},
        lambda design: design.levels[0].family > 0 and design.levels[0].shared == 0,
    ),
}
