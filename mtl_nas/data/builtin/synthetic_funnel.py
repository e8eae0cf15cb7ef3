"""A synthetic shop for credit cards: click -> application -> approval -> activation, and an unrelated task.

The table holds effects for a search to find:

- A *taste* in four dimensions: every level of ``segment``, ``region`` and ``item`` has a position there, and the
  *interest* is how near the person is to the item, plus how often the item's kind stands in the person's history.
  ``click`` follows interest, price and hour; ``application`` follows interest too and adds *credit*.
- *Credit* is a nonlinear function of income (heavy tails), tenure and age, with a sign that depends on the segment. It
  does not influence clicks, influences applications, and decides approvals: what the many applications teach about it
  is what the few approvals need, so sharing or passing a representation along the funnel helps.
- ``activation`` follows credit, interest and the length of the history. Each step happens only where the one before
  did: about 40, 12, 4 and 2 % of the rows.
- ``share`` follows a table of independent signs over (segment, hour) and, against the funnel, the negative of
  interest: where a small network shares all it has, click and share take width from each other.
- ``channel`` is noise; ``item`` has 1,500 levels, some of them very frequent; ``age`` is missing in 15 % of the rows;
  ``history`` lists item numbers with their kinds, oldest first, and is empty for some persons.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.declaration import Declaration, SequenceDeclaration, Source, Split, TaskDeclaration

Floats = NDArray[np.float64]
TASTES = 4
SEGMENTS, REGIONS, ITEMS, KINDS, HOURS, CHANNELS = 12, 40, 1_500, 20, 24, 5
RATES = {"click": 0.40, "application": 0.12, "approval": 0.04, "activation": 0.02, "share": 0.15}
LONGEST = 30


def synthetic_funnel(*, rows: int = 60_000, seed: int = 0) -> pd.DataFrame:
    """Six categories, four numbers, one sequence with one property, five labels."""
    random: Any = np.random.RandomState(seed)
    planted = _planted(random)
    segment = random.choice(SEGMENTS, rows, p=_skewed(SEGMENTS, 0.6))
    region = random.choice(REGIONS, rows, p=_skewed(REGIONS, 0.8))
    item = random.choice(ITEMS, rows, p=_skewed(ITEMS, 1.0))
    hour, channel = random.randint(HOURS, size=rows), random.randint(CHANNELS, size=rows)
    kind = planted["kind"][item].astype(np.int64)
    person = (
        planted["segment"][segment] + 0.6 * planted["region"][region] + 0.7 * random.standard_normal((rows, TASTES))
    )
    history, lengths = _history(random, person, planted)
    income = np.exp(10.3 + 0.9 * random.standard_normal(rows) + 0.25 * planted["wealth"][segment])
    tenure = random.gamma(2.0, 3.0, rows)
    age = np.clip(18 + random.gamma(3.0, 8.0, rows), 18, 95).round()
    price = np.exp(0.4 * random.standard_normal(rows) + planted["price"][kind])

    familiar = _familiar(history, lengths, kind, planted)
    interest = _standard((person * planted["item"][item]).sum(axis=1)) + 0.9 * _standard(familiar)
    wealth = _standard(np.log(income))
    credit = _standard(
        planted["sign"][segment] * np.tanh(1.5 * wealth)
        + 0.8 * np.sin(tenure / 3)
        + 0.8 * np.abs(_standard(age))
        + 0.5 * wealth
    )
    steps = {
        "click": 1.2 * interest - 0.4 * _standard(np.log(price)) + 0.3 * np.sin(2 * np.pi * hour / HOURS),
        "application": 0.8 * interest + 1.2 * credit,
        "approval": 1.8 * credit + 0.3 * wealth,
        "activation": 0.9 * credit + 0.6 * interest + 0.5 * _standard(np.log1p(lengths)),
    }
    labels: dict[str, NDArray[np.bool_]] = {}
    reached = np.ones(rows, dtype=bool)
    for name, score in steps.items():
        reached = _drawn(random, score, reached, RATES[name] * rows)
        labels[name] = reached
    against = 1.5 * planted["noise"][segment, hour] - 0.9 * interest
    labels["share"] = _drawn(random, against, np.ones(rows, dtype=bool), RATES["share"] * rows)
    ends = np.cumsum(lengths)[:-1]
    return pd.DataFrame(
        {
            "segment": np.char.add("segment ", segment.astype(str)),
            "region": region,
            "item": item,
            "kind": np.char.add("kind ", kind.astype(str)),
            "hour": hour,
            "channel": np.array(["mail", "search", "social", "shop", "app"])[channel],
            "income": income.round(2),
            "age": np.where(random.uniform(size=rows) < 0.15, np.nan, age),
            "tenure": tenure.round(3),
            "price": price.round(2),
            "history": np.array([*np.split(history, ends), None], dtype=object)[:-1],
            "history_kind": np.array([*np.split(planted["kind"][history].astype(np.int64), ends), None], dtype=object)[
                :-1
            ],
            **{name: values.astype(np.int64) for name, values in labels.items()},
        }
    )


def _planted(random: Any) -> dict[str, Floats]:
    """Parameters of every level."""
    kinds = 1.5 * random.standard_normal((KINDS, TASTES))
    kind = random.randint(KINDS, size=ITEMS)
    return {
        "kind": kind,
        "kinds": kinds,
        "item": kinds[kind] + 0.7 * random.standard_normal((ITEMS, TASTES)),
        "segment": random.standard_normal((SEGMENTS, TASTES)),
        "region": random.standard_normal((REGIONS, TASTES)),
        "wealth": random.standard_normal(SEGMENTS),
        "sign": np.where(np.arange(SEGMENTS) % 2, 1.0, -1.0),
        "price": 3 + 0.5 * random.standard_normal(KINDS),
        "noise": np.where(random.uniform(size=(SEGMENTS, HOURS)) < 0.5, -1.0, 1.0),
    }


def _history(random: Any, person: Floats, planted: dict[str, Floats]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the item numbers of all histories, of kinds that the person likes, and the length of each history."""
    lengths = np.minimum(random.negative_binomial(1.2, 0.13, len(person)), LONGEST)
    probabilities = np.exp(0.5 * person @ planted["kinds"].T)
    probabilities = np.cumsum(probabilities / probabilities.sum(axis=1, keepdims=True), axis=1)
    owner = np.repeat(np.arange(len(person)), lengths)
    chosen = np.minimum((random.uniform(size=(len(owner), 1)) > probabilities[owner]).sum(axis=1), KINDS - 1)
    by_kind = np.argsort(planted["kind"], kind="stable")
    sizes = np.bincount(planted["kind"].astype(np.int64), minlength=KINDS)
    rank = (random.uniform(size=len(owner)) ** 2 * sizes[chosen]).astype(np.int64)  # some items of a kind are frequent
    return by_kind[(np.cumsum(sizes) - sizes)[chosen] + rank], lengths


def _familiar(
    history: NDArray[np.int64], lengths: NDArray[np.int64], kind: NDArray[np.int64], planted: dict[str, Floats]
) -> Floats:
    """Return the share of the history that has the kind of the item."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    same = planted["kind"][history] == kind[owner]
    share: Floats = np.bincount(owner, weights=same, minlength=len(lengths)) / (lengths + 2)
    return share


def _drawn(random: Any, score: Floats, reached: NDArray[np.bool_], wanted: float) -> NDArray[np.bool_]:
    """Draw the rows that take a step, among those that can, by the logistic of a score shifted to a rate."""
    low, high = -20.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        probability = reached / (1 + np.exp(-(score + middle)))
        low, high = (middle, high) if probability.sum() < wanted else (low, middle)
    drawn: NDArray[np.bool_] = random.uniform(size=len(score)) < probability
    return drawn


def _skewed(levels: int, power: float) -> Floats:
    weights = (np.arange(levels) + 2.0) ** -power
    shares: Floats = weights / weights.sum()
    return shares


def _standard(values: Floats) -> Floats:
    standard: Floats = (values - values.mean()) / values.std()
    return standard


DECLARATION = Declaration(
    data=Source(
        split=Split(stratified=False),
        columns={
            **dict.fromkeys(("segment", "region", "item", "kind", "hour", "channel"), "category"),
            **dict.fromkeys(("income", "age", "tenure", "price"), "number"),
        },
    ),
    tasks={
        "click": TaskDeclaration(kind="binary"),
        "application": TaskDeclaration(kind="binary", after="click"),
        "approval": TaskDeclaration(kind="binary", after="application"),
        "activation": TaskDeclaration(kind="binary", after="approval"),
        "share": TaskDeclaration(kind="binary"),
    },
    sequences={"history": SequenceDeclaration(items="history", properties=("history_kind",), length=LONGEST)},
)
