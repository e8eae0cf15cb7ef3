"""What one would write today: torch-rechub's MMoE and PLE, tuned by Optuna with a median pruner, on one core.

python -m benchmarks.speed.rechub_tuned --trials 40      # prints a line of JSON a trial
"""

import argparse
import contextlib
import io
import json
import time
from statistics import fmean
from typing import Any

import numpy as np
import optuna
import torch
from numpy.typing import NDArray

import mtl_nas as mn
from mtl_nas.data import Rows

WIDTHS = {"16": (16,), "32": (32,), "64": (64,), "64-32": (64, 32), "128-64": (128, 64)}
TOWERS = {"8": (8,), "16": (16,), "32": (32,)}
BUCKETS = 32  # of quantiles, on the train rows
Columns = dict[str, NDArray[Any]]


class Tables:
    """The data set as torch-rechub reads it, with numbers in buckets or standardised."""

    def __init__(self, data: mn.Dataset) -> None:
        self.schema, train = data.schema, data.rows("train")
        self.edges = [
            np.unique(np.nanquantile(column, np.linspace(0, 1, BUCKETS + 1)[1:-1])) for column in train.numbers.T
        ]
        self.mean, self.deviation = np.nanmean(train.numbers, axis=0), np.nanstd(train.numbers, axis=0)
        self.columns = {numbers: self._columns(train, numbers) for numbers in ("bucket", "standard")}
        tuning = data.rows("tuning")
        self.tuning = {numbers: self._columns(tuning, numbers) for numbers in ("bucket", "standard")}
        self.labels, self.tuning_labels = train.labels, tuning.labels

    def features(self, numbers: str, embedding: int) -> list[Any]:
        """Their declarations of the columns."""
        from torch_rechub.basic.features import DenseFeature, SparseFeature

        fields = [SparseFeature(one.name, vocab_size=one.size, embed_dim=embedding) for one in self.schema.categories]
        if numbers == "standard":
            return fields + [DenseFeature(one.name) for one in self.schema.numbers]
        sized = zip(self.schema.numbers, self.edges, strict=True)
        return fields + [
            SparseFeature(one.name, vocab_size=len(edges) + 1, embed_dim=embedding) for one, edges in sized
        ]

    def _columns(self, rows: Rows, numbers: str) -> Columns:
        found: Columns = {one.name: rows.categories[:, place] for place, one in enumerate(self.schema.categories)}
        for place, one in enumerate(self.schema.numbers):
            column = rows.numbers[:, place]
            if numbers == "bucket":
                found[one.name] = np.searchsorted(self.edges[place], column, side="right").astype(np.int32)
            else:
                found[one.name] = np.nan_to_num((column - self.mean[place]) / self.deviation[place]).astype(np.float32)
        return {name: np.ascontiguousarray(column) for name, column in found.items()}


def score(trial: optuna.Trial, tables: Tables) -> float:
    """The mean AUC on the tuning rows after the last epoch; pruned after an epoch below the median."""
    from torch_rechub.trainers import MTLTrainer
    from torch_rechub.utils.data import DataGenerator

    numbers = trial.suggest_categorical("numbers", ["bucket", "standard"])
    batch = trial.suggest_categorical("batch_size", [256, 512, 1024, 2048])
    rate = trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True)
    epochs = trial.suggest_int("epochs", 1, 3)
    generator = DataGenerator(tables.columns[numbers], tables.labels)
    held = tables.tuning[numbers], tables.tuning_labels
    train, tuning, _ = generator.generate_dataloader(*held, *held, batch_size=batch)
    torch.manual_seed(trial.number)
    network = _network(trial, tables.features(numbers, trial.suggest_categorical("embedding", [4, 8, 16])), tables)
    kinds = ["classification"] * len(tables.schema.tasks)
    trainer = MTLTrainer(network, kinds, optimizer_params={"lr": rate, "weight_decay": 1e-5})
    found = 0.0
    for epoch in range(epochs):
        trainer.train_one_epoch(train)
        found = fmean(trainer.evaluate(network, tuning))
        trial.report(found, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return found


def _network(trial: optuna.Trial, features: list[Any], tables: Tables) -> torch.nn.Module:
    from torch_rechub.models.multi_task import MMOE, PLE

    kinds = ["classification"] * len(tables.schema.tasks)
    expert = {"dims": list(WIDTHS[trial.suggest_categorical("hidden", list(WIDTHS))]), "dropout": 0.0}
    towers = [{"dims": list(TOWERS[trial.suggest_categorical("tower", list(TOWERS))])} for _ in kinds]
    if trial.suggest_categorical("model", ["mmoe", "ple"]) == "mmoe":
        return MMOE(features, kinds, trial.suggest_int("experts", 2, 8), expert, towers)
    experts = trial.suggest_int("specific", 1, 3), trial.suggest_int("shared", 1, 3)
    return PLE(features, kinds, trial.suggest_int("levels", 1, 2), *experts, expert, towers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="census-income")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = mn.load_dataset(options.data)
    start, computed = time.perf_counter(), time.process_time()
    tables = Tables(data)

    def said(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        values = list(trial.intermediate_values.values())
        core = time.process_time() - computed
        line = {
            "seconds": time.perf_counter() - start,
            "core_seconds": core,
            "state": trial.state.name,
            "scores": values,
        }
        print(json.dumps({**line, "params": trial.params}), flush=True)

    def quiet(trial: optuna.Trial) -> float:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return score(trial, tables)

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=options.seed),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=0),
    )
    study.optimize(quiet, n_trials=options.trials, callbacks=[said])


if __name__ == "__main__":
    main()
