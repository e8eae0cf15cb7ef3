"""Synthetic tables, each of which holds one reason why tasks help or harm one another.

The five reasons to help are those of Caruana (Machine Learning, 1997), as Ruder (2017) words them; two tables harm.
Features x1 ... are independent standard normals, and a signal is a random smooth function of some of them. The column
``split`` gives few train rows, so that help is needed, and enough test rows to see it. ``share`` is the part of the
variance of a label that its features explain, which is the highest possible R2.

``benchmarks/reasons.py`` measures the gains of a shared bottom over one network per task;
``docs/explanation/reasons.md`` has them with their intervals.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.declaration import Declaration, Source, Split, TaskDeclaration

Floats = NDArray[np.float64]
VALIDATION, TEST = 1_000, 6_000


def augmentation(*, train: int = 1_000, tasks: int = 4, share: float = 0.25, seed: int = 0) -> pd.DataFrame:
    """Implicit data augmentation: the tasks ``reading1`` ... are one signal of 8 columns, each with noise of its own.

    Every task should gain: a shared network sees several noisy readings of the signal, a separate network sees one.
    """
    random: Any = np.random.RandomState(seed)
    features = random.standard_normal((train + VALIDATION + TEST, 8))
    signal = _signal(random, features)
    return _table(features, {f"reading{task + 1}": _noisy(random, signal, share) for task in range(tasks)}, train)


def attention(*, train: int = 1_500, columns: int = 40, relevant: int = 4, seed: int = 0) -> pd.DataFrame:
    """Attention focusing: all tasks depend on the same 4 of 40 columns, and ``main`` has more noise than its helpers.

    ``main`` (share .4) should gain although its helpers (share .9) are other signals: they show which columns matter,
    and the labels of ``main`` are too noisy to show it.
    """
    random: Any = np.random.RandomState(seed)
    features = random.standard_normal((train + VALIDATION + TEST, columns))
    relevant_columns = features[:, :relevant]
    labels = {"main": _noisy(random, _signal(random, relevant_columns), 0.4)}
    for task in range(3):
        labels[f"helper{task + 1}"] = _noisy(random, _signal(random, relevant_columns), 0.9)
    return _table(features, labels, train)


def eavesdropping(*, train: int = 2_500, share: float = 0.3, seed: int = 0) -> pd.DataFrame:
    """Eavesdropping: ``easy`` is a signal of 19 columns, ``hard`` is that signal times another column; both have noise.

    ``hard`` should gain: its labels do not correlate with the signal, which only a product reveals, while ``easy``
    learns the signal at once. ``easy`` cannot gain, and loses the capacity that ``hard`` takes.
    """
    random: Any = np.random.RandomState(seed)
    features = random.standard_normal((train + VALIDATION + TEST, 20))
    signal = _signal(random, features[:, 1:], units=3, steepness=2.0)
    labels = {
        "hard": _noisy(random, _standard(signal * features[:, 0]), share),
        "easy": _noisy(random, signal, 0.97),
    }
    return _table(features, labels, train)


def bias(*, train: int = 3_000, labelled: int = 200, seed: int = 0) -> pd.DataFrame:
    """Representation bias: five tasks depend on the same 3 directions of 24 columns; ``new`` has 200 train labels.

    ``new`` should gain most: the other tasks learn the representation that it needs, and its own labels are too few to
    learn it from. It is like a task that is added later.
    """
    random: Any = np.random.RandomState(seed)
    features = random.standard_normal((train + VALIDATION + TEST, 24))
    hidden = 2 * np.tanh(1.5 * features @ _directions(random, 24, 3))
    names = ("old1", "old2", "old3", "old4", "new")
    labels = {name: _noisy(random, _signal(random, hidden, units=4), 0.8) for name in names}
    labels["new"][labelled:train] = np.nan
    return _table(features, labels, train)


def regularisation(*, train: int = 600, tasks: int = 8, share: float = 0.5, seed: int = 0) -> pd.DataFrame:
    """Regularisation: ``site1`` ... are different sums of 2 directions of 40 columns, each with noise of its own.

    Every task should gain, and its train and test scores should move together: a separate network has the capacity to
    fit the noise of its task, a shared one would have to fit the noise of eight tasks with the same few units.
    """
    random: Any = np.random.RandomState(seed)
    features = random.standard_normal((train + VALIDATION + TEST, 40))
    hidden = features @ _directions(random, 40, 2)
    labels = {
        f"site{task + 1}": _noisy(random, _standard(hidden @ random.standard_normal(2)), share) for task in range(tasks)
    }
    return _table(features, labels, train)


def negative_transfer(*, train: int = 4_000, loud: int = 8, rate: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Negative transfer: ``rare`` (5 % positive) beside eight tasks with large gradients that share no signal.

    ``rare`` should lose where everything is shared, as the gradients of the other tasks are larger than its own and
    unrelated to them; a gate per task recovers a part of the loss.
    """
    random: Any = np.random.RandomState(seed)
    features = random.standard_normal((train + VALIDATION + TEST, 20))
    labels = {"rare": _drawn(random, 4 * _signal(random, features), rate)}
    for task in range(loud):
        labels[f"loud{task + 1}"] = _noisy(random, _signal(random, features, units=24, steepness=3.0), 0.95)
    return _table(features, labels, train)


def seesaw(*, train: int = 5_000, common: int = 6, rate: float = 0.04, seed: int = 0) -> pd.DataFrame:
    """The seesaw (Tang et al., 2020): six frequent labels (40 %) of one score, and ``rare`` (4 %) of another.

    The frequent tasks should gain, as under augmentation, and ``rare`` should lose, as under negative transfer: no
    amount of sharing is best for both.
    """
    random: Any = np.random.RandomState(seed)
    features = random.standard_normal((train + VALIDATION + TEST, 20))
    liking = 2 * _signal(random, features)
    labels = {f"common{task + 1}": _drawn(random, liking, 0.4) for task in range(common)}
    labels["rare"] = _drawn(random, 5 * _signal(random, features, units=12, steepness=2.0), rate)
    return _table(features, labels, train)


def _declared(kinds: Mapping[str, str]) -> Declaration:
    tasks = {name: TaskDeclaration(kind=kind) for name, kind in kinds.items()}
    return Declaration(data=Source(split=Split(column="split", stratified=False)), tasks=tasks)


def _numbered(name: str, count: int, kind: str = "regression") -> dict[str, str]:
    return {f"{name}{number}": kind for number in range(1, count + 1)}


Reason = tuple[Callable[..., pd.DataFrame], Declaration]  # the table, at its defaults, and what it declares

REASONS: dict[str, Reason] = {
    "augmentation": (augmentation, _declared(_numbered("reading", 4))),
    "attention": (attention, _declared({"main": "regression", **_numbered("helper", 3)})),
    "eavesdropping": (eavesdropping, _declared({"hard": "regression", "easy": "regression"})),
    "bias": (bias, _declared({**_numbered("old", 4), "new": "regression"})),
    "regularisation": (regularisation, _declared(_numbered("site", 8))),
    "negative-transfer": (negative_transfer, _declared({"rare": "binary", **_numbered("loud", 8)})),
    "seesaw": (seesaw, _declared({**_numbered("common", 6, "binary"), "rare": "binary"})),
}


def _signal(random: Any, columns: Floats, *, units: int = 8, steepness: float = 1.5) -> Floats:
    """A random network of one hidden layer, (N, K) -> (N,), with mean 0 and deviation 1."""
    weights = random.standard_normal((columns.shape[1], units)) * steepness / np.sqrt(columns.shape[1])
    shifts = random.uniform(-1.5, 1.5, units)
    return _standard(np.tanh(columns @ weights + shifts) @ random.standard_normal(units))


def _directions(random: Any, columns: int, count: int) -> Floats:
    """Orthonormal columns, (columns, count)."""
    basis: Floats = np.linalg.qr(random.standard_normal((columns, count)))[0]
    return basis


def _noisy(random: Any, signal: Floats, share: float) -> Floats:
    """Return labels of variance 1, of which the signal explains that share."""
    label: Floats = np.sqrt(share) * signal + np.sqrt(1 - share) * random.standard_normal(len(signal))
    return label


def _drawn(random: Any, score: Floats, rate: float) -> Floats:
    """Return 0 and 1 by the logistic of the score, shifted so that the mean probability is the rate."""
    low, high = -20.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        probability = 1 / (1 + np.exp(-(score + middle)))
        low, high = (middle, high) if probability.mean() < rate else (low, middle)
    label: Floats = (random.uniform(size=len(score)) < probability).astype(np.float64)
    return label


def _standard(values: Floats) -> Floats:
    standard: Floats = (values - values.mean()) / values.std()
    return standard


def _table(features: Floats, labels: Mapping[str, Floats], train: int) -> pd.DataFrame:
    columns = {f"x{number}": values for number, values in enumerate(features.T.astype(np.float32), start=1)}
    split = np.repeat(["train", "validation", "test"], [train, VALIDATION, TEST])
    return pd.DataFrame(
        {**columns, **{name: values.astype(np.float32) for name, values in labels.items()}, "split": split}
    )
