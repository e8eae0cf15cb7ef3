"""Choose the portfolio from the trainings of ``benchmarks.portfolio.train``, and report what it is worth.

    python -m benchmarks.portfolio.choose            # prints, and writes docs/results/portfolio.md

What a set of candidates gives on a table is the test score of the one that is best on the choosing rows. Scores become
comparable over tables as shares of the way from the median candidate to the best one. Candidates are added one by one,
each the one that adds most to the mean over tables. To judge the choice, it is repeated without each table in turn.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.portfolio.train import OUTPUT
from benchmarks.result_files import load

PAGE = Path(__file__).parents[2] / "docs" / "results" / "portfolio.md"
MARKS = ("<!-- results -->", "<!-- end of results -->")
SIZE = 8  # proposals of the portfolio
SHOWN = (1, 2, 4, 8)  # sizes that the report shows
LOWEST = -1.0  # of a share, so that one bad table does not decide
Trained = Mapping[str, Any]  # by candidate


def taken(trained: Trained, names: Sequence[str]) -> float:
    """Return the test score of the candidate that is best on the choosing rows."""
    return float(trained[max(names, key=lambda name: trained[name]["choosing"])]["test"])


def share(trained: Trained, score: float) -> float:
    """Return a test score as a share of the way from the median candidate to the best one."""
    scores = [each["test"] for each in trained.values()]
    middle, best = median(scores), max(scores)
    return max((score - middle) / (best - middle), LOWEST)


def chosen(tables: Mapping[str, Trained]) -> list[str]:
    """Return the candidates of the portfolio, the most useful one first."""
    names = [name for name in next(iter(tables.values())) if all(name in trained for trained in tables.values())]
    portfolio: list[str] = []

    def worth(name: str) -> float:
        return fmean(share(trained, taken(trained, [*portfolio, name])) for trained in tables.values())

    while len(portfolio) < SIZE:
        portfolio.append(max((name for name in names if name not in portfolio), key=worth))
    return portfolio


def report(tables: Mapping[str, Trained]) -> str:
    """Return the portfolio, and a table of what its first proposals give on tables that did not choose it."""
    without = {name: chosen({other: tables[other] for other in tables if other != name}) for name in tables}
    columns: dict[str, Callable[[str], float]] = {
        "`shared_bottom`, the default": lambda name: tables[name]["bottom"]["test"],
        **{
            f"first {size}": lambda name, size=size: taken(tables[name], without[name][:size])  # type: ignore[misc]
            for size in SHOWN
        },
        "all candidates": lambda name: taken(tables[name], list(tables[name])),
        "best on the test rows": lambda name: max(each["test"] for each in tables[name].values()),
    }
    lines = [f"The portfolio: {', '.join(chosen(tables))}.", ""]
    lines += [f"| table | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|"]
    lines += [f"| {name} | {' | '.join(f'{of(name):.4f}' for of in columns.values())} |" for name in tables]
    shares = [fmean(share(tables[name], of(name)) for name in tables) for of in columns.values()]
    lines.append(f"| mean share | {' | '.join(f'{each:.2f}' for each in shares)} |")
    return "\n".join(lines)


def main() -> None:
    results = load(OUTPUT, {"tables": {}})
    tables = {
        name: {candidate: each for candidate, each in trained.items() if "failed" not in each}
        for name, trained in results["tables"].items()
    }
    most = max(map(len, tables.values()))
    text = report({name: trained for name, trained in tables.items() if len(trained) == most})
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}")
    print(text)


if __name__ == "__main__":
    main()
