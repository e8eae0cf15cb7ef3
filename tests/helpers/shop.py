"""A small shop, as a user has it in a folder: its table and its search file."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml


def frame(rows: int = 300) -> pd.DataFrame:
    random = np.random.RandomState(0)
    size = random.standard_normal(rows).round(3)
    click = (size + random.standard_normal(rows) > 0).astype(int)
    return pd.DataFrame(
        {
            "size": size,
            "color": random.choice(["red", "green", "blue"], rows),
            "click": click,
            "buy": click * random.randint(0, 2, rows),
            "price": (size + random.standard_normal(rows)).round(3),
        }
    )


FRAME = frame()
TREE = {
    "data": {"table": "shop.csv"},
    "tasks": {"click": {"kind": "binary"}, "buy": {"kind": "binary", "after": "click"}},
    "search": {"trials": 8},
}


def written(tree: object, name: str = "search.yaml") -> str:
    Path(name).write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return name


def changed(**parts: object) -> str:
    """The search file with other parts."""
    return written(TREE | parts)


def csv(name: str = "other.csv", **columns: object) -> str:
    FRAME.assign(**columns).to_csv(name, index=False)
    return name
