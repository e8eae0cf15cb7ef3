"""KuaiRand-Pure as a table with its declaration: short-video impressions, four tasks, three histories.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.kuairand           # what is read, and boosted trees beside it
    python -m benchmarks.kuairand --tasks feedback

Needs ``$MTL_NAS_DATA/kuairand-pure``: the standard log of 25 to 30 April 2022, users, videos, and each user's last
behaviours before the log begins (KuaiRand, Gao et al., CIKM 2022, CC BY-SA 4.0). Writes
benchmarks/results/kuairand-trees.json.
"""

import argparse
import json
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
from benchmarks.trees import tree_scores
from mtl_nas.data.columns.encoding import length_name

RESULTS = Path(__file__).parent / "results"
FOLDER = "kuairand-pure"
LOG, SEQUENCES = "log_standard_20220425_20220430.parquet", "user_sequences_upto_20220424.parquet"
USERS, VIDEOS = "user_features_pure.csv.gz", "video_features_basic_pure.csv.gz"
LABELS = {"is_click": "click", "is_like": "like", "is_profile_enter": "profile_enter", "play_time_ms": "play_time"}
OUTCOMES = ("is_follow", "is_comment", "is_forward", "is_hate", "profile_stay_time", "comment_stay_time")
HISTORIES = {"watch_seq": "watched", "like_seq": "liked", "long_watch_seq": "long_viewed"}
PROPERTIES = ("author_id", "tag")  # of each video in a history
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
EVERY_LABEL = {name for tasks in TASKS.values() for name in tasks}
COUNT = "history_len"  # behaviours of the user before the log begins; the lists hold the last 50
NUMBERS = (
    COUNT,
    *("duration_ms", "video_duration", "video_age", "server_width", "server_height"),
    *("follow_user_num", "fans_user_num", "friend_user_num", "register_days"),
)
LENGTHS = (COUNT, *(length_name(name) for name in HISTORIES.values()))


@dataclass(frozen=True)
class Declared:
    """A frame, and the keywords with which ``load_dataset`` takes it."""

    frame: pd.DataFrame
    keywords: dict[str, Any]

    def dataset(self) -> mn.Dataset:
        """The data set."""
        return mn.load_dataset(self.frame, **self.keywords)


def available() -> bool:
    """$MTL_NAS_DATA/kuairand-pure is there."""
    return (Path(_said()) / FOLDER / LOG).is_file()


def kuairand(tasks: str = "funnel", *, histories: bool = True) -> Declared:
    """One row an impression. tasks: the ``funnel`` with the play time, or ``feedback`` of four kinds side by side.

    The outcomes of an impression are labels or are left out; the earliest four days train, the 29th validates, the
    30th tests. Users and videos enter by id and by what is known of them, users by what they did before unless their
    ``histories`` are left out.
    """
    if not available():
        raise mn.MtlNasError(f"KuaiRand-Pure needs $MTL_NAS_DATA/{FOLDER}/{LOG}; MTL_NAS_DATA is {_said()}")
    frame = _impressions(Path(_said()) / FOLDER)
    kept = frame.drop(columns=sorted(EVERY_LABEL.difference(TASKS[tasks])))
    listed = {name: (name, *(f"{name}_{part}" for part in PROPERTIES)) for name in HISTORIES.values()}
    if not histories:
        kept = kept.drop(columns=[COUNT, *(column for columns in listed.values() for column in columns)])
        listed = {}
    numbers = [name for name in NUMBERS if name in kept]
    known = {"split", *TASKS[tasks], *numbers, *(column for columns in listed.values() for column in columns)}
    return Declared(
        kept,
        {
            "tasks": TASKS[tasks],
            "split": {"column": "split"},
            "columns": {
                **dict.fromkeys(numbers, "number"),
                **{name: "category" for name in kept if name not in known},
            },
            "sequences": {
                name: {"items": columns[0], "properties": list(columns[1:])} for name, columns in listed.items()
            },
            "violations": "repair",
        },
    )


def _said() -> str:
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
    ).dt.days  # days since it was uploaded
    frame = frame.merge(_histories(folder, videos), on="user_id", how="left").rename(columns=LABELS)
    return frame.drop(columns=["date", "hourmin", "time_ms", "upload_dt", "is_rand"])


def _histories(folder: Path, videos: pd.DataFrame) -> pd.DataFrame:
    """List columns a user, in the order of the file: videos, and the properties of each."""
    table = pd.read_parquet(folder / SEQUENCES)
    found: dict[str, Any] = {"user_id": table["user_id"], COUNT: table[COUNT]}
    properties = {name: videos.set_index("video_id")[name].astype("string").fillna("") for name in PROPERTIES}
    for column, name in HISTORIES.items():
        lengths = table[column].map(len).to_numpy()
        items = np.concatenate(table[column].to_numpy())
        ends = np.cumsum(lengths)[:-1]
        found[name] = table[column].map(list)
        for part, values in properties.items():
            parts = np.split(values.reindex(items).fillna("").to_numpy(dtype=object), ends)
            found[f"{name}_{part}"] = [list(one) for one in parts]
    return pd.DataFrame(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", choices=tuple(TASKS), default="feedback")
    options = parser.parse_args()
    data = kuairand(options.tasks).dataset()
    print(data)
    table = Table("task", "metric", "boosted trees", "without the histories' lengths", title="test rows")
    found, blind = tree_scores(data), tree_scores(data, without=LENGTHS)
    for task, scores in found.items():
        for metric, score in scores.items():
            table.add_row(task, metric, f"{score:.4f}", f"{blind[task][metric]:.4f}")
    Console(width=100).print(table)
    RESULTS.mkdir(exist_ok=True)
    lines = {"machine": machine(), "tasks": options.tasks, "trees": found, "trees_without_lengths": blind}
    (RESULTS / "kuairand-trees.json").write_text(json.dumps(lines, indent=1) + "\n")


if __name__ == "__main__":
    main()
