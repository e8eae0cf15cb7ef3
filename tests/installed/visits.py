"""A small table with a search file, for the installed wheel."""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 400
SEARCH = """
data: {table: visits.csv}
tasks:
  click: {kind: binary}
  buy: {kind: binary, after: click}
space:
  design: {levels: [{shared: {int: [1, 3]}, expert: {hidden: [8]}}]}
  training: {epochs: 1}
search: {trials: 4, finalists: 1, seeds: 1, presets: [mmoe, omoe]}
"""


def main() -> None:
    random = np.random.default_rng(0)
    city, visits = random.choice(["Bergen", "Ghent", "Lyon"], ROWS), random.poisson(3, ROWS)
    liking = 0.8 * visits + 2.0 * (city == "Lyon") - 3
    click = (random.logistic(size=ROWS) < liking).astype(int)
    buy = click * (random.logistic(size=ROWS) < liking)
    table = pd.DataFrame({"city": city, "visits": visits, "click": click, "buy": buy.astype(int)})
    table.to_csv("visits.csv", index=False)
    table.drop(columns=["click", "buy"]).head(20).to_csv("new.csv", index=False)
    Path("search.yaml").write_text(SEARCH)


if __name__ == "__main__":
    main()
