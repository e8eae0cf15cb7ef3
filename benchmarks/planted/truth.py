"""What each architecture of the space is truly worth: its mean test score over seeds."""

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
    """Of one plant; ``scores``: each architecture's mean by its key."""

    scores: Mapping[str, float]
    designs: Mapping[str, mn.Design]
    planted: str  # key
    deviation: float  # of the planted design's score between seeds
    without: str  # the best that lacks the plant

    @property
    def lead(self) -> float:
        """Of the planted design over all that lack the plant, in deviations."""
        return (self.scores[self.planted] - self.scores[self.without]) / self.deviation

    @property
    def enough(self) -> float:
        """The least true score with which a search has found the plant."""
        return self.scores[self.planted] - self.deviation


def architectures(plant: str) -> dict[str, mn.Design]:
    """Every architecture of the space once, by its key."""
    data = PLANTS[plant].data()
    asked, found = space(data).for_schema(data.schema), dict[str, mn.Design]()
    for decider in Enumerate.all():
        try:
            design = asked.resolve(decider).design
            found.setdefault(mn.compose(design, data.schema).key, design)
        except DesignError:  # a draw that leaves a task without an expert is none
            continue
    return found


def trained(plant: str, design: mn.Design, seed: int) -> float:
    """The mean main score on the test rows."""
    torch.set_num_threads(1)
    data = PLANTS[plant].data()
    result = mn.evaluate(design, data, mn.Training(**TRAINING, seed=seed), split="test")
    return fmean(result.scores[task.name][task.main_metric] or 0.0 for task in data.schema.tasks)


def home(plant: str, folder: Path) -> Path:
    """Where a plant's trainings and searches are kept: another place for another table, space or training."""
    data = PLANTS[plant].data()
    what = f"{data.fingerprint} {space(data).tree}"
    found = folder / f"{plant}-{blake2b(what.encode(), digest_size=4).hexdigest()}"
    found.mkdir(parents=True, exist_ok=True)
    return found


def truth(plant: str, folder: Path, *, seeds: int, workers: int) -> Truth:
    """Train what is not kept in the folder yet, a seed after the other."""
    designs, kept = architectures(plant), folder / "trainings.jsonl"
    lines = map(json.loads, kept.read_text().splitlines()) if kept.exists() else ()
    known = {(line["key"], line["seed"]): line["score"] for line in lines}
    work = [(key, seed) for seed in range(seeds) for key in designs if (key, seed) not in known]
    with ProcessPoolExecutor(workers) as pool, kept.open("a") as file:
        jobs = {pool.submit(trained, plant, designs[key], seed): (key, seed) for key, seed in work}
        for job in tqdm(as_completed(jobs), total=len(jobs), desc=f"{plant}: truth", disable=not jobs):
            key, seed = jobs[job]
            known[key, seed] = job.result()
            file.write(json.dumps({"key": key, "seed": seed, "score": known[key, seed]}) + "\n")
            file.flush()
    by_key = {key: [known[key, seed] for seed in range(seeds)] for key in designs}
    scores = {key: fmean(values) for key, values in by_key.items()}
    one = PLANTS[plant]
    planted = mn.compose(one.design, one.data().schema).key
    lacking = [key for key, design in designs.items() if not one.has(design)]
    return Truth(scores, designs, planted, stdev(by_key[planted]), max(lacking, key=scores.__getitem__))
