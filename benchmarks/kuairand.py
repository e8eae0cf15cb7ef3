"""KuaiRand-Pure as a table with its declaration: short-video impressions, four tasks, three histories.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.kuairand           # prints the data set and scores of boosted trees
    python -m benchmarks.kuairand --tasks funnel

Needs ``$MTL_NAS_DATA/kuairand-pure``: the standard log of 25 to 30 April 2022, users, videos, and each user's last
behaviours before the log begins (KuaiRand, Gao et al., CIKM 2022, CC BY-SA 4.0). Writes
benchmarks/results/kuairand-trees.json.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, save
from mtl_nas.trees import LIBRARIES, boosted_trees

FOLDER = "kuairand-pure"
LOG, SEQUENCES = "log_standard_20220425_20220430.parquet", "user_sequences_upto_20220424.parquet"
USERS, VIDEOS = "user_features_pure.csv.gz", "video_features_basic_pure.csv.gz"
LABELS = {"is_click": "click", "is_like": "like", "is_profile_enter": "profile_enter", "play_time_ms": "play_time"}
OUTCOMES = ("is_follow", "is_comment", "is_forward", "is_hate", "profile_stay_time", "comment_stay_time")
HISTORIES = {"watch_seq": "watched", "like_seq": "liked", "long_watch_seq": "long_viewed"}
PROPERTIES = ("author_id", "tag")  # columns of each video in a history
SPLIT_DAYS = {20220429: "validation", 20220430: "test"}  # earlier days train
TASKS: dict[str, dict[str, dict[str, str]]] = {
    "funnel": {
        "click": {"kind": "binary"},
        "long_view": {"kind": "binary", "after": "click"},
        "like": {"kind": "binary", "after": "click"},
        "play_time": {"kind": "regression"},
    },
    "feedback": {name: {"kind": "binary"} for name in ("click", "long_view", "like", "profile_enter")},
}
ALL_LABELS = {name for tasks in TASKS.values() for name in tasks}
HISTORY_LENGTH = "history_len"  # column: the user's behaviours before the log begins; the lists hold the last 50
NUMBERS = (
    HISTORY_LENGTH,
    *("duration_ms", "video_duration", "video_age", "server_width", "server_height"),
    *("follow_user_num", "fans_user_num", "friend_user_num", "register_days"),
)


@dataclass(frozen=True)
class DeclaredFrame:
    """A frame and the keywords of ``load_dataset`` that declare it."""

    frame: pd.DataFrame
    keywords: dict[str, Any]

    def dataset(self) -> mn.Dataset:
        return mn.load_dataset(self.frame, **self.keywords)


def available() -> bool:
    """Return whether $MTL_NAS_DATA/kuairand-pure exists."""
    return (Path(_data_folder()) / FOLDER / LOG).is_file()


def kuairand(tasks: str = "funnel", *, histories: bool = True) -> DeclaredFrame:
    """Return one row per impression, with users and videos by id and by their columns.

    An outcome of an impression is a label or is left out. The first four days train, the 29th validates, the 30th
    tests.

    Args:
        tasks: ``funnel`` (with the play time), or ``feedback``, four binary tasks side by side.
        histories: Whether the users' earlier behaviours are columns.

    Raises:
        MtlNasError: if the files are missing.
    """
    if not available():
        raise mn.MtlNasError(f"KuaiRand-Pure needs $MTL_NAS_DATA/{FOLDER}/{LOG}; MTL_NAS_DATA is {_data_folder()}")
    frame = _impressions(Path(_data_folder()) / FOLDER)
    frame = frame.drop(columns=sorted(ALL_LABELS.difference(TASKS[tasks])))
    sequences = {name: (name, *(f"{name}_{part}" for part in PROPERTIES)) for name in HISTORIES.values()}
    list_columns = [column for columns in sequences.values() for column in columns]
    if not histories:
        frame = frame.drop(columns=[HISTORY_LENGTH, *list_columns])
        sequences = {}
    numbers = [name for name in NUMBERS if name in frame]
    not_categories = {"split", *TASKS[tasks], *numbers, *list_columns}
    return DeclaredFrame(
        frame,
        {
            "tasks": TASKS[tasks],
            "split": {"column": "split", "stratified": False},
            "columns": {
                **dict.fromkeys(numbers, "number"),
                **{name: "category" for name in frame if name not in not_categories},
            },
            "sequences": {
                name: {"items": columns[0], "properties": list(columns[1:])} for name, columns in sequences.items()
            },
            "violations": "repair",
        },
    )


def _data_folder() -> str:
    return os.environ.get("MTL_NAS_DATA", "not set")


def _impressions(folder: Path) -> pd.DataFrame:
    log = pd.read_parquet(folder / LOG).sort_values("time_ms", kind="stable").drop(columns=list(OUTCOMES))
    log["split"] = log["date"].map(SPLIT_DAYS).fillna("train")
    log["hour"] = log["hourmin"] // 100
    videos = pd.read_csv(folder / VIDEOS)
    users = pd.read_csv(folder / USERS)
    frame = log.merge(users, on="user_id", how="left").merge(videos, on="video_id", how="left")
    frame["video_age"] = (
        pd.to_datetime(frame["date"].astype(str)) - pd.to_datetime(frame["upload_dt"])
    ).dt.days  # days since the upload
    frame = frame.merge(_histories(folder, videos), on="user_id", how="left").rename(columns=LABELS)
    return frame.drop(columns=["date", "hourmin", "time_ms", "upload_dt", "is_rand"])


def _histories(folder: Path, videos: pd.DataFrame) -> pd.DataFrame:
    """Return one row per user with list columns, in the order of the file: videos, and the properties of each."""
    table = pd.read_parquet(folder / SEQUENCES)
    columns: dict[str, Any] = {"user_id": table["user_id"], HISTORY_LENGTH: table[HISTORY_LENGTH]}
    properties = {name: videos.set_index("video_id")[name].astype("string").fillna("") for name in PROPERTIES}
    for column, name in HISTORIES.items():
        lengths = table[column].map(len).to_numpy()
        items = np.concatenate(table[column].to_numpy())
        ends = np.cumsum(lengths)[:-1]
        columns[name] = table[column].map(list)
        for part, values in properties.items():
            per_user = np.split(values.reindex(items).fillna("").to_numpy(dtype=object), ends)
            columns[f"{name}_{part}"] = [list(of_user) for of_user in per_user]
    return pd.DataFrame(columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", choices=tuple(TASKS), default="feedback")
    options = parser.parse_args()
    data = kuairand(options.tasks).dataset()
    print(data)
    without_histories = kuairand(options.tasks, histories=False).dataset()
    trees, without_lengths = (boosted_trees(each, LIBRARIES[0]).scores for each in (data, without_histories))
    table = Table("task", "metric", "LightGBM", "without lengths of histories", title="test rows")
    for task, scores in trees.items():
        for metric, score in scores.items():
            table.add_row(task, metric, f"{score:.4f}", f"{without_lengths[task][metric]:.4f}")
    Console(width=100).print(table)
    results = {
        "machine": machine(),
        "tasks": options.tasks,
        "trees": trees,
        "trees_without_lengths": without_lengths,
    }
    save(RESULTS / "kuairand-trees.json", results)


if __name__ == "__main__":
    main()
