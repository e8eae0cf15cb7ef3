"""Behaviour histories: list columns of items, and a property of each item.

python examples/sequences.py
"""

import numpy as np
import pandas as pd

import mtl_nas as mn

KINDS = ["book", "film", "game", "song"]


def visitors(rows: int) -> pd.DataFrame:
    """What somebody looked at, oldest first, and whether they like the item on offer."""
    draw = np.random.default_rng(0)
    kind_of = draw.integers(0, len(KINDS), 200)  # of each of 200 items
    favourite = draw.integers(0, len(KINDS), rows)
    history, kinds = [], []
    for kind, length in zip(favourite, draw.integers(0, 9, rows), strict=True):
        own, others = np.flatnonzero(kind_of == kind), np.arange(200)
        items = np.where(draw.random(length) < 0.7, draw.choice(own, length), draw.choice(others, length))
        history.append(items.tolist())
        kinds.append([KINDS[place] for place in kind_of[items]])
    offer = draw.integers(0, len(KINDS), rows)
    like = draw.random(rows) < np.where(offer == favourite, 0.7, 0.1)
    return pd.DataFrame(
        {
            "history": history,
            "history_kind": kinds,
            "offer": [KINDS[place] for place in offer],
            "like": like.astype(int),
            "minutes": (10 * like + draw.exponential(2, rows)).round(1),
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
