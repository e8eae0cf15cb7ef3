"""Behaviour sequences: list columns of items, and a property of each item.

python examples/sequences.py
"""

import numpy as np
import pandas as pd

import mtl_nas as mn

KINDS = ["book", "film", "game", "song"]


def visitors(rows: int) -> pd.DataFrame:
    """The items that a visitor looked at, oldest first, and whether the visitor likes the item on offer."""
    rng = np.random.default_rng(0)
    kind_of = rng.integers(0, len(KINDS), 200)  # the kind of each of 200 items
    favourite = rng.integers(0, len(KINDS), rows)
    history, kinds = [], []
    for kind, length in zip(favourite, rng.integers(0, 9, rows), strict=True):
        favourites, everything = np.flatnonzero(kind_of == kind), np.arange(200)
        items = np.where(rng.random(length) < 0.7, rng.choice(favourites, length), rng.choice(everything, length))
        history.append(items.tolist())
        kinds.append([KINDS[index] for index in kind_of[items]])
    offer = rng.integers(0, len(KINDS), rows)
    like = rng.random(rows) < np.where(offer == favourite, 0.7, 0.1)
    return pd.DataFrame(
        {
            "history": history,
            "history_kind": kinds,
            "offer": [KINDS[index] for index in offer],
            "like": like.astype(int),
            "minutes": (10 * like + rng.exponential(2, rows)).round(1),
        }
    )


def main() -> None:
    data = mn.load_dataset(
        visitors(6_000),
        ["like", "minutes"],
        sequences={"history": {"items": "history", "properties": ["history_kind"], "length": 8}},
    )
    print("\n".join(data.notes))
    training = mn.Training(epochs=6, batch_size=128, learning_rate=1e-2)
    design = mn.preset("shared_bottom", data.schema, hidden=(64,), tower=(16,))
    result = mn.evaluate(design, data, training, split="test")
    print(f"with the histories: AUC {result.scores['like']['auc']:.3f}")

    without = mn.load_dataset(visitors(6_000), ["like", "minutes"], ignore=["history", "history_kind"])
    result = mn.evaluate(mn.preset("shared_bottom", without.schema), without, training, split="test")
    print(f"without them:       AUC {result.scores['like']['auc']:.3f}")


if __name__ == "__main__":
    main()
