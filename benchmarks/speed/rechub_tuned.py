"""Tune torch-rechub's MMoE and PLE by Optuna with a median pruner, on one core: what one would write without mtl_nas.

    python -m benchmarks.speed.rechub_tuned --trials 40

Prints a line of JSON per trial: seconds and core seconds since the start, the state and the mean AUC on the tuning rows
after each epoch. ``python -m benchmarks.speed.search`` runs it.
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
BUCKETS = 32  # quantile buckets per number column, from the train rows
Columns = dict[str, NDArray[Any]]


class RechubTables:
    """The data set as torch-rechub reads it, with numbers in buckets or standardised."""

    def __init__(self, data: mn.Dataset) -> None:
        self.schema, train = data.schema, data.rows("train")
        self.bucket_edges = [
            np.unique(np.nanquantile(column, np.linspace(0, 1, BUCKETS + 1)[1:-1])) for column in train.numbers.T
        ]
        self.means, self.deviations = np.nanmean(train.numbers, axis=0), np.nanstd(train.numbers, axis=0)
        self.train = {numbers: self._columns(train, numbers) for numbers in ("bucket", "standard")}
        tuning = data.rows("tuning")
        self.tuning = {numbers: self._columns(tuning, numbers) for numbers in ("bucket", "standard")}
        self.train_labels, self.tuning_labels = train.labels, tuning.labels

    def features(self, numbers: str, embedding: int) -> list[Any]:
        """Declare the columns as torch-rechub's features."""
        from torch_rechub.basic.features import DenseFeature, SparseFeature

        fields = [
            SparseFeature(column.name, vocab_size=column.size, embed_dim=embedding) for column in self.schema.categories
        ]
        if numbers == "standard":
            return fields + [DenseFeature(column.name) for column in self.schema.numbers]
        return fields + [
            SparseFeature(column.name, vocab_size=len(edges) + 1, embed_dim=embedding)
            for column, edges in zip(self.schema.numbers, self.bucket_edges, strict=True)
        ]

    def _columns(self, rows: Rows, numbers: str) -> Columns:
        columns: Columns = {
            column.name: rows.categories[:, index] for index, column in enumerate(self.schema.categories)
        }
        for index, column in enumerate(self.schema.numbers):
            values = rows.numbers[:, index]
            if numbers == "bucket":
                buckets = np.searchsorted(self.bucket_edges[index], values, side="right")
                columns[column.name] = buckets.astype(np.int32)
            else:
                standardised = (values - self.means[index]) / self.deviations[index]
                columns[column.name] = np.nan_to_num(standardised).astype(np.float32)
        return {name: np.ascontiguousarray(values) for name, values in columns.items()}


def train_trial(trial: optuna.Trial, tables: RechubTables) -> float:
    """Return the mean AUC on the tuning rows after the last epoch; the pruner may end the trial after any epoch."""
    from torch_rechub.trainers import MTLTrainer
    from torch_rechub.utils.data import DataGenerator

    numbers = trial.suggest_categorical("numbers", ["bucket", "standard"])
    batch = trial.suggest_categorical("batch_size", [256, 512, 1024, 2048])
    rate = trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True)
    epochs = trial.suggest_int("epochs", 1, 3)
    generator = DataGenerator(tables.train[numbers], tables.train_labels)
    validation = tables.tuning[numbers], tables.tuning_labels
    train, tuning, _ = generator.generate_dataloader(*validation, *validation, batch_size=batch)
    torch.manual_seed(trial.number)
    network = _network(trial, tables.features(numbers, trial.suggest_categorical("embedding", [4, 8, 16])), tables)
    kinds = ["classification"] * len(tables.schema.tasks)
    trainer = MTLTrainer(network, kinds, optimizer_params={"lr": rate, "weight_decay": 1e-5})
    score = 0.0
    for epoch in range(epochs):
        trainer.train_one_epoch(train)
        score = fmean(trainer.evaluate(network, tuning))
        trial.report(score, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return score


def _network(trial: optuna.Trial, features: list[Any], tables: RechubTables) -> torch.nn.Module:
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
    parser.add_argument("--data", default="census-income", help="a built-in data set of binary tasks")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = mn.load_dataset(options.data)
    start, core_start = time.perf_counter(), time.process_time()
    tables = RechubTables(data)

    def print_trial(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        line = {
            "seconds": time.perf_counter() - start,
            "core_seconds": time.process_time() - core_start,
            "state": trial.state.name,
            "scores": list(trial.intermediate_values.values()),
            "params": trial.params,
        }
        print(json.dumps(line), flush=True)

    def train_silently(trial: optuna.Trial) -> float:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return train_trial(trial, tables)

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=options.seed),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=0),
    )
    study.optimize(train_silently, n_trials=options.trials, callbacks=[print_trial])


if __name__ == "__main__":
    main()
