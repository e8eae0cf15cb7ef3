"""A small table with every kind of column, and the ways in which files and databases hold it."""

import json
import sqlite3
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

ROWS = 240
TASKS = ["click"]


def visits() -> pd.DataFrame:
    """Large ids, texts, numbers, booleans, times and lists, some of them missing, and a label."""
    rng = np.random.default_rng(0)
    city = rng.choice(["Bergen", "NA", "0042", None], ROWS).astype(object)
    price = rng.lognormal(size=ROWS).round(2)
    price[rng.random(ROWS) < 0.1] = np.nan
    city[0], price[0] = "Bergen", 1.5  # a reader of JSON sees each field in the first line
    minutes = pd.to_timedelta(rng.integers(0, 400_000, ROWS), "min")
    return pd.DataFrame(
        {
            "visit": np.arange(ROWS) + 2**53 + 1,
            "city": city,
            "price": price,
            "number": rng.integers(0, 5, ROWS),
            "member": rng.random(ROWS) > 0.5,
            "day": (pd.Timestamp("2024-01-01") + minutes).astype("datetime64[us]"),
            "seen": [rng.choice(["hat", "sock", "shoe"], rng.integers(0, 4)).tolist() for _ in range(ROWS)],
            "click": rng.integers(0, 2, ROWS),
        }
    )


def lists_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as formats without lists hold it."""
    return frame.assign(seen=[json.dumps(seen) for seen in frame["seen"]])


def json_lines(frame: pd.DataFrame) -> str:
    """A line per row; fields without a value are left out."""
    rows = frame.assign(day=frame["day"].astype(str)).to_dict("records")
    present = [
        {name: value for name, value in row.items() if isinstance(value, list) or pd.notna(value)} for row in rows
    ]
    return "".join(json.dumps(row, default=lambda value: value.item()) + "\n" for row in present)


def write_duckdb(frame: pd.DataFrame, path: Path) -> None:
    """A DuckDB file with the table ``visits``."""
    with duckdb.connect(str(path)) as connection:
        connection.register("frame", frame)
        connection.execute("create table visits as select * from frame")


def write_sqlite(frame: pd.DataFrame, path: Path) -> None:
    """A SQLite file with the table ``visits``, whose booleans are text, as SQLite has none."""
    connection = sqlite3.connect(path)
    text = lists_as_text(frame).assign(day=frame["day"].astype(str), member=frame["member"].astype(str))
    text.to_sql("visits", connection, index=False)
    connection.close()
