"""A table of your own: declare the tasks, search, export, score new rows.

python examples/own_table.py [folder]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import mtl_nas as mn

TASKS = {
    "click": {"kind": "binary"},
    "buy": {"kind": "binary", "after": "click"},  # a funnel: 1 only where click is 1
    "spent": {"kind": "regression", "where": "buy"},  # a sample space: labelled only where buy is 1
    "stars": {"kind": "multiclass"},  # most visitors leave none: missing labels are fine
}


def shop(rows: int) -> pd.DataFrame:
    """Visits to a made-up shop."""
    rng = np.random.default_rng(0)
    city, visits = rng.choice(["Bergen", "Ghent", "Lyon", "Porto"], rows), rng.poisson(3, rows)
    price, age = rng.lognormal(3, 0.5, rows).round(2), rng.integers(18, 80, rows)
    liking = 0.8 * visits - 0.06 * price + 2.0 * (city == "Porto")
    click = rng.logistic(size=rows) < liking - 1
    buy = click & (rng.logistic(size=rows) < liking + (age - 50) / 15)
    spent = np.where(buy, price * (1 + visits // 3), np.nan).round(2)
    stars = np.where(rng.random(rows) < 0.3, np.clip(np.round(liking + rng.normal(size=rows)), 1, 5), np.nan)
    features = {"city": city, "visits": visits, "price": price, "age": age}
    return pd.DataFrame({**features, "click": click * 1, "buy": buy * 1, "spent": spent, "stars": stars})


def main(folder: str = "runs/own_table") -> None:
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    shop(4_000).to_csv(path / "shop.csv", index=False)

    data = mn.load_dataset(path / "shop.csv", TASKS)
    print("\n".join(data.notes))
    space = mn.load_space({"design": {"levels": [{"shared": {"int": [2, 6]}}]}, "training": {"epochs": 4}})
    run = mn.search(space, data, trials=9, finalists=1, seeds=1, folder=path / "run")
    print(f"best: {run.best().name}")

    model = mn.load_model(mn.export(run, path / "model"))
    new = shop(5).drop(columns=list(TASKS)).assign(city="Oslo")  # a city that training never saw
    print(pd.concat([new, model.predict(new).round(3)], axis="columns").T)


if __name__ == "__main__":
    main(*sys.argv[1:])
