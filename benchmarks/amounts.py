r"""Amounts that are mostly 0, under the losses mse, ziln and tweedie: R2 and the mean of predictions on the test rows.

    python -m benchmarks.amounts

A fifth of the amounts of the planted tables is above 0; their mean follows from the columns, and they scatter about it
by a distribution of mean 1. ``online-shoppers`` is read from $MTL_NAS_DATA: seconds on pages of information, 0 in 80 %.
What the results file holds is not repeated. Writes benchmarks/results/amounts.json.
"""

from collections.abc import Callable
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.plain_training import PLAIN
from benchmarks.protocol.tables import folder
from benchmarks.result_files import RESULTS, load, save

OUTPUT = RESULTS / "amounts.json"
ROWS = 10_000
TRAINING = {**PLAIN, "epochs": 6, "learning_rate": 2e-3, "schedule": "cosine"}
SEEDS = 2
LOSSES = ("mse", "ziln", "tweedie")
Floats = NDArray[np.float64]
SCATTER: dict[str, Callable[[np.random.Generator], Floats]] = {  # distributions of mean 1
    "log-normal, sigma 1": lambda random: np.exp(random.normal(-0.5, 1.0, ROWS)),
    "gamma, shape 2": lambda random: random.gamma(2.0, 0.5, ROWS),
    "gamma, shape .5": lambda random: random.gamma(0.5, 2.0, ROWS),
    "30 % are .01, others alike": lambda random: np.where(random.random(ROWS) < 0.3, 0.01, 0.997 / 0.7),
}


def planted(scatter: str) -> pd.DataFrame:
    """Six columns, of which two decide whether there is an amount and three how large it is."""
    random = np.random.default_rng(1)
    x = random.normal(size=(ROWS, 6))
    paid = random.random(ROWS) < 1 / (1 + np.exp(2 - x[:, 0] - x[:, 1]))
    mean = np.exp(0.7 * x[:, 2] + 0.5 * x[:, 3] + 0.5 * x[:, 0])
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(6)]).assign(amount=paid * mean * SCATTER[scatter](random))


def shoppers() -> pd.DataFrame:
    """The seconds that a visitor spends on pages of information."""
    frame = pd.read_csv(folder("online-shoppers") / "online_shoppers_intention.csv.gz")
    frame = frame.rename(columns={"Informational_Duration": "amount"}).drop(columns="Informational")
    return frame.astype({"Weekend": int, "Revenue": int}).assign(amount=lambda table: table["amount"].clip(lower=0))


def train(frame: pd.DataFrame, loss: str, seed: int) -> dict[str, float]:
    """Train once; return R2 on the test rows, and the mean prediction as a share of the mean amount."""
    draw = np.random.default_rng(0).random(len(frame))
    frame = frame.assign(split=np.where(draw < 0.7, "train", np.where(draw < 0.8, "validation", "test")))
    task = {"amount": {"kind": "regression", "loss": loss}}
    data = mn.load_dataset(frame, tasks=task, split={"column": "split", "stratified": False})
    design = mn.preset("shared_bottom", data.schema, numbers="piecewise")
    result = mn.evaluate(design, data, mn.Training.model_validate({**TRAINING, "seed": seed}), split="test")
    share = result.predictions["amount"].mean() / frame.loc[frame["split"] == "test", "amount"].mean()
    return {"r2": result.score, "mean": float(share)}


def main() -> None:
    torch.set_num_threads(1)
    results: dict[str, Any] = load(OUTPUT, {"tables": {}})
    results |= {"machine": machine(), "training": TRAINING}
    tables = {name: (lambda name=name: planted(name)) for name in SCATTER} | {"online-shoppers": shoppers}
    for name, make in tables.items():
        by_loss = results["tables"].setdefault(name, {loss: [] for loss in LOSSES})
        for loss, runs in by_loss.items():
            for seed in range(len(runs), SEEDS):
                runs.append(train(make(), loss, seed))
                save(OUTPUT, results)
        cells = [
            f"{fmean(r['r2'] for r in by_loss[x]):.3f} ({fmean(r['mean'] for r in by_loss[x]):.2f})" for x in LOSSES
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
