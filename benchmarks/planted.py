r"""Does a search find what is planted? Four tables of which the best sharing is known, ten searches each.

    python -m benchmarks.planted                       # some twenty minutes on two cores
    python -m benchmarks.planted separate --searches 2

Every architecture of a small space is trained on ten seeds: its mean test score is the truth, and the planted design has
to lead all others that lack the plant by three deviations between its seeds. A search succeeds where its winner's true
score is within one such deviation of the planted design's. Writes benchmarks/results/planted.json.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.errors import DesignError
from mtl_nas.metrics import main_metric
from mtl_nas.space import Enumerate, read_space

RESULTS = Path(__file__).parent / "results"
SEEDS, SEARCHES, TRAININGS = 10, 10, 40
LEAD = 3.0  # deviations between seeds
TRAIN, VALIDATION, TEST = 2_000, 2_000, 6_000
EXPERT, TOWER = [8], [4]
TRAINING = {"passes": 20, "batch_size": 64, "learning_rate": 3e-3, "schedule": "linear"}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plant:
    """A table, what is planted in it, and how a design that has it is told."""

    data: Callable[[], mn.Dataset]
    about: str
    design: Mapping[str, Any]  # the planted one
    has: Callable[[mn.Design], bool]


def space(data: mn.Dataset) -> mn.SearchSpace:
    """Where tasks share and whether they inform one another, all experts of one size."""
    mixing = {"placement": {"choice": ["task", "none"]}}
    sized = {"expert": {"hidden": EXPERT}, "mixing": mixing}
    levels = [
        {"shared": {"int": [1, 2]}, "specific": {"int": [0, 2]}, **sized},
        {"shared": 0, "specific": {"int": [1, 2]}, **sized},
    ]
    if any(task.family for task in data.schema.tasks):
        levels.append({"family": 1, "shared": {"int": [0, 1]}, "specific": {"int": [0, 1]}, **sized})
    return read_space(
        {
            "design": {
                "inputs": {"numbers": "standard"},
                "levels": [{"choice": levels}],
                "transfers": {"links": {"choice": ["none", "chain"]}},
                "tower": {"hidden": TOWER},
            },
            "training": TRAINING,
        },
        "planted",
    )


def related(cosine: float) -> Callable[[], mn.Dataset]:
    """Four tasks; the bends that they read have weights of that cosine; much noise, 1 and 0 plant opposite answers."""

    def made() -> mn.Dataset:
        random = np.random.default_rng(0)
        features = random.standard_normal((TRAIN + VALIDATION + TEST, 12))
        common = random.standard_normal((12, 6))
        labels = {}
        for task in range(4):
            own = random.standard_normal((12, 6))
            weights = cosine * common + np.sqrt(1 - cosine**2) * own
            signs = np.ones(6) if cosine == 1 else random.choice([-1.0, 1.0], 6)
            labels[f"y{task + 1}"] = noisy(random, bend(features, weights, signs), 0.3 if cosine == 1 else 0.9)
        return dataset(features, labels)

    return made


def chained() -> mn.Dataset:
    """``late`` is what ``early`` finds easily, times another column: only early's representation tells it."""
    random = np.random.default_rng(0)
    features = random.standard_normal((TRAIN + VALIDATION + TEST, 20))
    score = bend(features[:, 1:], 2 * random.standard_normal((19, 3)), np.ones(3))
    labels = {"early": noisy(random, score, 0.97), "late": noisy(random, standard(score * features[:, 0]), 0.4)}
    return dataset(features, labels)


def harmful() -> mn.Dataset:
    """Three noisy readings of one bend, which help one another, and a loud task that needs all the room there is."""
    random = np.random.default_rng(0)
    features = random.standard_normal((TRAIN + VALIDATION + TEST, 12))
    score = bend(features, random.standard_normal((12, 6)), np.ones(6))
    labels = {f"reading{place + 1}": noisy(random, score, 0.3) for place in range(3)}
    labels["loud"] = noisy(random, bend(features, 2 * random.standard_normal((12, 24)), random.normal(size=24)), 0.95)
    families = {name: "readings" for name in labels if name != "loud"} | {"loud": "loud"}
    return dataset(features, labels, families)


def bend(features: Floats, weights: Floats, signs: Floats) -> Floats:
    """A sum of hyperbolic tangents, standardised."""
    return standard(np.tanh(1.5 * features @ weights / np.sqrt(len(weights))) @ signs)


def standard(values: Floats) -> Floats:
    found: Floats = (values - values.mean()) / values.std()
    return found


def noisy(random: np.random.Generator, signal: Floats, share: float) -> Floats:
    """Variance 1, of which the signal is that share."""
    label: Floats = np.sqrt(share) * signal + np.sqrt(1 - share) * random.standard_normal(len(signal))
    return label


def dataset(features: Floats, labels: Mapping[str, Floats], families: Mapping[str, str] | None = None) -> mn.Dataset:
    split = np.repeat(["train", "validation", "test"], [TRAIN, VALIDATION, TEST])
    columns = {f"x{place + 1}": values for place, values in enumerate(features.T.astype(np.float32))}
    tasks = {name: {"kind": "regression", **({"family": families[name]} if families else {})} for name in labels}
    return mn.load_dataset(pd.DataFrame({**columns, **labels, "split": split}), tasks, split={"column": "split"})


def level(design: mn.Design) -> Any:
    return design.levels[0]


def one(**counts: int) -> dict[str, Any]:
    return {"levels": [{"shared": 0, "specific": 0, "expert": {"hidden": EXPERT}, **counts}]}


PLANTS = {
    "shared": Plant(cache(related(1.0)), "correlation 1: share", one(shared=1), lambda made: level(made).shared > 0),
    "separate": Plant(
        cache(related(0.0)), "correlation 0: part", one(specific=1), lambda made: level(made).specific > 0
    ),
    "transfer": Plant(
        cache(chained),
        "early informs late",
        one(specific=1) | {"transfers": {"links": "chain"}},
        lambda made: made.transfers.links != "none",
    ),
    "isolated": Plant(
        cache(harmful),
        "the loud task apart, the others together",
        one(family=1),
        lambda made: getattr(level(made), "family", 0) > 0 and level(made).shared == 0,
    ),
}


def designs(data: mn.Dataset) -> Iterator[tuple[str, mn.Design]]:
    """Every architecture of the space once, by its key."""
    seen = set()
    asked = space(data).for_schema(data.schema)
    for decider in Enumerate.all():
        try:
            design = asked.resolve(decider).design
            key = compose(design, data.schema).key
        except DesignError:
            continue
        if key not in seen:
            seen.add(key)
            yield key, design


def score(plant: str, design: mn.Design, seed: int) -> float:
    """The mean main score on the test rows."""
    data = PLANTS[plant].data()
    found = mn.evaluate(design, data, mn.Training(**TRAINING, seed=seed), split="test")
    return fmean(found.scores[task.name][main_metric(task)] or 0.0 for task in data.schema.tasks)
