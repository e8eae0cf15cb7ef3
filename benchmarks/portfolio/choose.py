"""Choose the portfolio from the trainings of ``benchmarks.portfolio.train``, and report what it is worth.

    python -m benchmarks.portfolio.choose --predictions FOLDER     # the folder of benchmarks.portfolio.train

Test scores become comparable over tables as shares of the way from the median candidate to the best one. The portfolio
begins with the default; then candidates are added one by one, each the one that adds most to the mean over tables of
the share of the best in it. To judge the choice, it is repeated without each table in turn. Prints, and writes
docs/results/portfolio.md and mtl_nas/presets/portfolio.yaml.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import yaml

from benchmarks.portfolio.train import CANDIDATES, OUTPUT
from benchmarks.protocol.tables import table
from benchmarks.result_files import load
from mtl_nas.design import Training
from mtl_nas.presets.portfolio import FILE
from mtl_nas.scoring import mean_score, score_tasks
from mtl_nas.tree_files import read_tree

PAGE = Path(__file__).parents[2] / "docs" / "results" / "portfolio.md"
MARKS = ("<!-- results -->", "<!-- end of results -->")
DEFAULT = "bottom"
SIZE = 8  # proposals of the portfolio
LOWEST = -1.0  # of a share, so that one bad table does not decide
Trained = Mapping[str, Any]  # by candidate


def complete_tables() -> dict[str, Trained]:
    """Return the trainings that did not fail, by table and candidate, of the tables on which all candidates ran."""
    tables = {
        name: {candidate: each for candidate, each in trained.items() if "failed" not in each}
        for name, trained in load(OUTPUT, {"tables": {}})["tables"].items()
    }
    most = max(map(len, tables.values()))
    return {name: trained for name, trained in tables.items() if len(trained) == most}


def share(trained: Trained, score: float) -> float:
    """Return a test score as a share of the way from the median candidate to the best one."""
    scores = [each["test"] for each in trained.values()]
    middle, best = median(scores), max(scores)
    return max((score - middle) / (best - middle), LOWEST)


def chosen(tables: Mapping[str, Trained]) -> list[str]:
    """Return the candidates of the portfolio, the most useful one first."""
    names = [name for name in next(iter(tables.values())) if all(name in trained for trained in tables.values())]
    portfolio = [DEFAULT]

    def worth(name: str) -> tuple[float, float]:
        alone = [share(trained, trained[name]["test"]) for trained in tables.values()]
        best = [
            max(share(trained, trained[other]["test"]) for other in (*portfolio, name)) for trained in tables.values()
        ]
        return fmean(best), fmean(alone)

    while len(portfolio) < SIZE:
        portfolio.append(max((name for name in names if name not in portfolio), key=worth))
    return portfolio


def mean_prediction(name: str, candidates: Sequence[str], predictions: Path) -> float:
    """Return the test score of the mean of the candidates' predictions on a table."""
    data, rows = table(name), [np.load(predictions / name / f"{candidate}.npz") for candidate in candidates]
    heads = [key for key in rows[0].files if key.startswith("test/")]
    means = {head.removeprefix("test/"): np.mean([each[head] for each in rows], axis=0) for head in heads}
    return mean_score(score_tasks(means, data.rows("test"), data.schema), data.schema)


def report(tables: Mapping[str, Trained], predictions: Path) -> str:
    """Return the portfolio, and a table of what its first proposals give on tables that did not choose it."""
    rows: dict[str, list[float]] = {}
    for name, trained in tables.items():
        own = chosen({other: tables[other] for other in tables if other != name})
        taken = max(own, key=lambda candidate: trained[candidate]["choosing"])
        rows[name] = [
            trained[DEFAULT]["test"],
            trained[taken]["test"],
            mean_prediction(name, own[:3], predictions),
            mean_prediction(name, own, predictions),
            max(trained[candidate]["test"] for candidate in own),
            max(each["test"] for each in trained.values()),
        ]
    columns = ["the default", "best of 8 on choosing rows", "mean of the first 3", "mean of 8"]
    columns += ["best of 8 on test rows", "best of all on test rows"]
    lines = ["The portfolio, in its order:", ""]
    lines += [f"{place}. {name}" for place, name in enumerate(chosen(tables), start=1)]
    lines += ["", f"| table | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|"]
    lines += [f"| {name} | {' | '.join(f'{value:.4f}' for value in values)} |" for name, values in rows.items()]
    shares = [fmean(share(tables[name], rows[name][index]) for name in tables) for index in range(len(columns))]
    lines.append(f"| mean share | {' | '.join(f'{each:.2f}' for each in shares)} |")
    epochs = {name: math.ceil(Training().work(len(table(name).rows("train"))).epochs) for name in tables}
    taken = fmean(fmean(each["checks"] / epochs[name] for each in trained.values()) for name, trained in tables.items())
    lines += ["", f"Patience ends a training after {taken:.0%} of its epochs on average over the tables."]
    return "\n".join(lines)


def write_portfolio(names: Sequence[str]) -> None:
    """Write the proposals into the file that searches read."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    about = "# Proposals that a search tries first, in this order; benchmarks/portfolio/choose.py writes this file.\n"
    candidates = read_tree(CANDIDATES)
    parts = [
        yaml.dump(
            {name: {"training": {}, **candidates[name]}},
            Dumper=Plain,
            default_flow_style=None,
            sort_keys=False,
            width=120,
        )
        for name in names
    ]
    FILE.write_text(about + "".join("\n" + part for part in parts), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=Path, required=True, help="the folder of benchmarks.portfolio.train")
    options = parser.parse_args()
    complete = complete_tables()
    text = report(complete, options.predictions)
    write_portfolio(chosen(complete))
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}")
    print(text)


if __name__ == "__main__":
    main()
