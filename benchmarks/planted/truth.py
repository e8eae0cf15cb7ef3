"""True scores of the architectures of a small space: mean test scores over seeds.

Not a command: ``python -m benchmarks.planted`` imports it.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from statistics import fmean, stdev

import torch
from tqdm import tqdm

import mtl_nas as mn
from benchmarks.planted.tables import PLANTS, TRAINING, space
from mtl_nas.errors import DesignError
from mtl_nas.space import Enumerate


@dataclass(frozen=True)
class Truth:
    """The true scores of one table's architectures, by canonical key."""

    scores: Mapping[str, float]
    designs: Mapping[str, mn.Design]
    planted: str  # key of the planted design
    deviation: float  # standard deviation of the planted design's score between seeds
    without: str  # key of the best design without the plant

    @property
    def lead(self) -> float:
        """The lead of the planted design over all designs without the plant, in deviations."""
        return (self.scores[self.planted] - self.scores[self.without]) / self.deviation

    @property
    def threshold(self) -> float:
        """The smallest true score with which a search has found the plant."""
        return self.scores[self.planted] - self.deviation


def architectures(name: str) -> dict[str, mn.Design]:
    """Return one design per architecture of the space, by canonical key."""
    data = PLANTS[name].data()
    data_space, designs = space(data).for_schema(data.schema), dict[str, mn.Design]()
    for decider in Enumerate.all():
        try:
            design = data_space.resolve(decider).design
            designs.setdefault(mn.compose(design, data.schema).key, design)
        except DesignError:  # the decisions leave a task without an expert
            continue
    return designs


def train(name: str, design: mn.Design, seed: int) -> float:
    """Train a design on one thread, and return its mean main score on the test rows."""
    torch.set_num_threads(1)
    data = PLANTS[name].data()
    result = mn.evaluate(design, data, mn.Training(**TRAINING, seed=seed), split="test")
    return fmean(result.scores[task.name][task.main_metric] or 0.0 for task in data.schema.tasks)


def plant_folder(name: str, folder: Path) -> Path:
    """Make the folder of a plant's trainings and searches, whose name depends on the table and the space."""
    data = PLANTS[name].data()
    content = f"{data.fingerprint} {space(data).tree}"
    path = folder / f"{name}-{blake2b(content.encode(), digest_size=4).hexdigest()}"
    path.mkdir(parents=True, exist_ok=True)
    return path


def true_scores(name: str, folder: Path, *, seeds: int, workers: int) -> Truth:
    """Train every architecture on every seed, seed by seed, except for trainings that the folder holds."""
    designs, path = architectures(name), folder / "trainings.jsonl"
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    scores = {(line["key"], line["seed"]): line["score"] for line in lines}
    missing = [(key, seed) for seed in range(seeds) for key in designs if (key, seed) not in scores]
    with ProcessPoolExecutor(workers) as pool, path.open("a") as file:
        jobs = {pool.submit(train, name, designs[key], seed): (key, seed) for key, seed in missing}
        for job in tqdm(as_completed(jobs), total=len(jobs), desc=f"{name}: true scores", disable=not jobs):
            key, seed = jobs[job]
            scores[key, seed] = job.result()
            file.write(json.dumps({"key": key, "seed": seed, "score": scores[key, seed]}) + "\n")
            file.flush()
    by_key = {key: [scores[key, seed] for seed in range(seeds)] for key in designs}
    means = {key: fmean(values) for key, values in by_key.items()}
    plant = PLANTS[name]
    planted = mn.compose(plant.design, plant.data().schema).key
    without = [key for key, design in designs.items() if not plant.has(design)]
    return Truth(means, designs, planted, stdev(by_key[planted]), max(without, key=means.__getitem__))
