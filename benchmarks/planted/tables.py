"""Four tables whose best way of sharing is known, and a space that is small enough to train all of it.

Not a command: ``python -m benchmarks.planted`` imports it. Experts are rows of tanh units, and the labels follow from
such units too. The number of units that a task can have and the number of labels that teach them decide the score, not
how well small networks happen to be trained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mtl_nas as mn
from benchmarks.plain_training import PLAIN
from mtl_nas.space import read_space

VALIDATION_ROWS, TEST_ROWS = 16_000, 16_000
EXPERT = {"hidden": [8], "activation": "tanh"}
TRAINING = {**PLAIN, "learning_rate": 1e-2, "schedule": "linear"}  # epochs and batch size follow from the table's size
FIXED = {"inputs": {"numbers": "standard"}, "tower": {"hidden": []}}  # parts of the design that the space never varies
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plant:
    """A table and the structure planted in it.

    ``has`` tells by its experts and links whether a design contains the structure. A design may have further experts:
    searches are scored by the true score of their winner, not by its size.
    """

    data: Callable[[], mn.Dataset]
    description: str
    planted: Mapping[str, Any]  # the smallest design with the structure, without the fixed parts
    has: Callable[[mn.Design], bool]

    @property
    def design(self) -> mn.Design:
        return mn.Design.model_validate(FIXED | self.planted)


def space(data: mn.Dataset) -> mn.SearchSpace:
    """Return the space of what tasks share, with experts of one size.

    A funnel may have transfers, other tasks may have gates. No design has both, because a gate that weighs experts row
    by row computes what a transfer does, equally well.
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


def level(**options: Any) -> dict[str, Any]:
    """Return the tree of a level without experts and gates, updated by ``options``."""
    return {"shared": 0, "specific": 0, "expert": EXPERT, "mixing": {"placement": "none"}, **options}


@cache
def one_signal() -> mn.Dataset:
    """Make eight noisy readings of one signal (correlation 1) on few rows.

    Sharing has to win: an expert of all tasks learns the signal from eight labels per row, whose noises cancel; an
    expert of one task has one label per row and room to fit its noise.
    """
    random, features = random_features(800, columns=24)
    signal = tanh_signal(random, features, units=4)
    return dataset(features, {f"reading{index + 1}": with_noise(random, signal, 0.2) for index in range(8)})


@cache
def separate_signals() -> mn.Dataset:
    """Make six labels (correlation 0), each of two steep units in a subspace of its own, almost without noise.

    Separation has to win: the tasks need twelve units and more, while experts that all share give them eight, and the
    units of one task are noise for the others. An expert of one task has room for all that the task needs.
    """
    random, features = random_features(1_200, columns=24)
    rotated = features @ orthonormal(random, 24, 24)
    subspaces = np.split(rotated, 6, axis=1)  # four directions each, orthogonal to those of the others
    signals = [tanh_signal(random, subspace, units=2, steepness=3.0) for subspace in subspaces]
    return dataset(
        features, {f"task{index + 1}": with_noise(random, signal, 0.95) for index, signal in enumerate(signals)}
    )


@cache
def funnel() -> mn.Dataset:
    """Make a funnel click -> buy: the interest behind clicks raises purchases where column 1 is high, else lowers them.

    The transfer has to win: clicks teach the interest, and the transfer's softmax of one state by another can compute
    its product with column 1; a row of units, shared or not, whose mean a linear tower reads cannot.
    """
    random, features = random_features(3_000, columns=20)
    interest = tanh_signal(random, features[:, 1:], units=4)
    click = binary_label(random, 2.5 * interest, 0.5)
    buy = click * binary_label(random, 6 * np.tanh(2 * features[:, 0]) * interest, 0.2)
    tasks = {"click": {"kind": "binary"}, "buy": {"kind": "binary", "after": "click"}}
    return dataset(features, {"click": click, "buy": buy}, tasks)


@cache
def harmful_task() -> mn.Dataset:
    """Make eight noisy mixtures of four hidden units and a harmful task, ``loud``: which of 16 classes a row is.

    Isolation of ``loud`` has to win: the mixtures need one another's labels, and enough units, to find the hidden
    units. The 16 classes have more directions than an expert has units, so that ``loud`` fills every expert it shares.
    """
    random, features = random_features(800, columns=24)
    hidden = np.tanh(features @ orthonormal(random, 24, 4))
    mixtures = standardise(hidden @ random.standard_normal((4, 8)))
    labels = {f"mix{index + 1}": with_noise(random, signal, 0.4) for index, signal in enumerate(mixtures.T)}
    labels["loud"] = (features @ random.standard_normal((24, 16))).argmax(axis=1).astype(np.float64)
    tasks = {name: {"kind": "regression", "family": "mixes"} for name in labels if name != "loud"}
    return dataset(features, labels, tasks | {"loud": {"kind": "multiclass", "family": "loud"}})


def random_features(train_rows: int, *, columns: int) -> tuple[np.random.Generator, Floats]:
    """Return a generator with seed 0, and normal features (N, columns) of the rows of all splits."""
    random = np.random.default_rng(0)
    return random, random.standard_normal((train_rows + VALIDATION_ROWS + TEST_ROWS, columns))


def tanh_signal(random: np.random.Generator, features: Floats, *, units: int, steepness: float = 1.5) -> Floats:
    """Return a sum of tanh units with random orthogonal directions, of mean 0 and standard deviation 1."""
    directions = orthonormal(random, features.shape[1], units)
    return standardise(np.tanh(steepness * features @ directions) @ random.choice([-1.0, 1.0], units))


def standardise(values: Floats) -> Floats:
    """Scale each column to mean 0 and standard deviation 1."""
    standardised: Floats = (values - values.mean(axis=0)) / values.std(axis=0)
    return standardised


def orthonormal(random: np.random.Generator, columns: int, count: int) -> Floats:
    """Return orthonormal directions (columns, count)."""
    directions: Floats = np.linalg.qr(random.standard_normal((columns, count)))[0]
    return directions


def with_noise(random: np.random.Generator, signal: Floats, share: float) -> Floats:
    """Return a label of variance 1 of which the signal is ``share``."""
    label: Floats = np.sqrt(share) * signal + np.sqrt(1 - share) * random.standard_normal(len(signal))
    return label


def binary_label(random: np.random.Generator, logit: Floats, rate: float) -> Floats:
    """Draw labels with the logistic probability of ``logit``, shifted to probability ``rate`` at the median row."""
    probability = 1 / (1 + np.exp(-(logit - np.median(logit) + np.log(rate / (1 - rate)))))
    label: Floats = (random.uniform(size=len(logit)) < probability).astype(np.float64)
    return label


def dataset(
    features: Floats, labels: Mapping[str, Floats], tasks: Mapping[str, Mapping[str, str]] | None = None
) -> mn.Dataset:
    """Load the table; tasks are regression tasks by default."""
    train_rows = len(features) - VALIDATION_ROWS - TEST_ROWS
    split = np.repeat(["train", "validation", "test"], [train_rows, VALIDATION_ROWS, TEST_ROWS])
    columns = {f"x{index + 1}": values for index, values in enumerate(features.T.astype(np.float32))}
    declared = tasks or {name: {"kind": "regression"} for name in labels}
    return mn.load_dataset(
        pd.DataFrame({**columns, **labels, "split": split}), declared, split={"column": "split", "stratified": False}
    )


PLANTS = {
    "shared": Plant(
        one_signal, "correlation 1: share", {"levels": [level(shared=1)]}, lambda design: design.levels[0].shared > 0
    ),
    "separate": Plant(
        separate_signals,
        "correlation 0: separate",
        {"levels": [level(specific=1)]},
        lambda design: design.levels[0].specific != 0,
    ),
    "transfer": Plant(
        funnel,
        "click informs buy",
        {"levels": [level(specific=1)], "transfers": {"links": "chain"}},
        lambda design: design.transfers.links != "none",
    ),
    "isolated": Plant(
        harmful_task,
        "the loud task apart, the others together",
        {"levels": [level(family=1)]},
        lambda design: design.levels[0].family > 0 and design.levels[0].shared == 0,
    ),
}
