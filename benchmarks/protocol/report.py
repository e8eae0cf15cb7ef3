"""Write the results of the protocol into docs/results/protocol.md and README.md.

    python -m benchmarks.protocol.report

Reads benchmarks/results/protocol.json. Wins, losses and every sentence between the marks follow from its statistics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from scipy.stats import t as student_t

from benchmarks.protocol.methods import METHODS, SEEDS
from benchmarks.protocol.tables import LARGE_TABLES
from benchmarks.result_files import RESULTS, load
from mtl_nas.metrics import holm

SIGNIFICANCE = 0.05  # level of the tests and of the intervals
RIVALS = METHODS[1:]
MARKS = ("<!-- results -->", "<!-- end of results -->")
ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "results" / "protocol.md", ROOT / "README.md"
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """The search against a rival on one table: the paired difference of mean test scores over search seeds."""

    table: str
    rival: str
    difference: float
    low: float
    high: float
    p: float
    noise: float  # standard deviation between trainings of one design
    adjusted_p: float = 1.0  # after Holm's correction

    @property
    def verdict(self) -> str:
        """A win or a loss is significant after Holm's correction and larger than the noise of one training."""
        if self.adjusted_p >= SIGNIFICANCE or abs(self.difference) <= self.noise:
            return "undecided"
        return "win" if self.difference > 0 else "loss"


def comparison(name: str, results: Results, rival: str) -> Comparison:
    """Compare on one table, paired over the search seeds that both methods have, with a t interval."""
    ours, theirs = results["runs"]["search"], results["runs"][rival]
    differences = [_mean(ours[seed]["scores"]) - _mean(theirs[seed]["scores"]) for seed in ours if seed in theirs]
    mean, freedom = fmean(differences), max(len(differences) - 1, 1)
    error = stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else float("inf")
    t_ratio = mean / error if error else float("inf") * np.sign(mean or 1.0)
    margin = float(student_t.ppf(1 - SIGNIFICANCE / 2, freedom)) * error
    p = 2 * float(student_t.sf(abs(t_ratio), freedom))
    noise = stdev(_mean(scores) for scores in results["noise"])
    return Comparison(name, rival, mean, mean - margin, mean + margin, p, noise)


def with_adjusted_p(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Correct the p-values for the number of tables; ``comparisons`` are all those with one rival."""
    adjusted = holm([each.p for each in comparisons])
    return [replace(each, adjusted_p=p) for each, p in zip(comparisons, adjusted, strict=True)]


def report(results: Results) -> str:
    """Return Markdown: per rival a sentence and the verdicts by table, then the scores by task of each table."""
    tables = {
        name: table
        for name, table in results["tables"].items()
        if all(_common_seeds(table, rival) > 1 for rival in RIVALS)
    }
    lines = _missing_seeds(results["tables"])
    for rival in RIVALS:
        comparisons = with_adjusted_p([comparison(name, table, rival) for name, table in tables.items()])
        lines += [_claim(rival, comparisons), "", *_verdict_table(comparisons, tables), ""]
    for name, table in tables.items():
        lines += [*_score_table(name, table), ""]
    return "\n".join(lines).rstrip() + "\n"


def summary(results: Results) -> str:
    """Return the README's table: means over tasks and searches, and the verdict against tuned presets."""
    tables = results["tables"]
    comparisons = with_adjusted_p([comparison(name, table, RIVALS[0]) for name, table in tables.items()])
    by_table = {each.table: each for each in comparisons}
    rows = [
        f"| table | {' | '.join(METHODS)} | boosted trees, untuned | search over {RIVALS[0]} |",
        "|---" * (len(METHODS) + 3) + "|",
    ]
    for name in sorted(tables):
        table, against = tables[name], by_table[name]
        means = [fmean(_mean(run["scores"]) for run in table["runs"][method].values()) for method in METHODS]
        decided = f"**{against.verdict}**, by {against.difference:+.4f} (p {against.adjusted_p:.3f})"
        verdict = against.verdict if against.verdict == "undecided" else decided
        cells = " | ".join(f"{mean:.4f}" for mean in [*means, _mean(table["trees"])])
        rows.append(f"| {name} | {cells} | {verdict} |")
    return "\n".join(rows)


def _common_seeds(table: Results, rival: str) -> int:
    return len(table["runs"]["search"].keys() & table["runs"][rival].keys())


def _missing_seeds(tables: Results) -> list[str]:
    """A sentence on tables without all search seeds, if there are such tables."""
    counts = {
        name: min(_common_seeds(tables[name], rival) for rival in RIVALS) if name in tables else 0
        for name in LARGE_TABLES
    }
    incomplete = [f"{name} ({count} of {SEEDS})" for name, count in counts.items() if count < SEEDS]
    sentence = "Not complete: search seeds of all three methods are missing on " + ", ".join(incomplete)
    return [f"{sentence}. Tables with fewer than two are left out.", ""] if incomplete else []


def _claim(rival: str, comparisons: Sequence[Comparison]) -> str:
    """A sentence on how often the search won, lost or neither."""
    if not comparisons:
        return f"Against {rival}: nothing is measured yet."
    tables = {
        verdict: [each.table for each in comparisons if each.verdict == verdict]
        for verdict in ("win", "undecided", "loss")
    }
    median = float(np.median([each.difference for each in comparisons]))
    lost = f" It loses on {', '.join(tables['loss'])}." if tables["loss"] else ""
    won = f" It wins on {', '.join(tables['win'])}." if tables["win"] else ""
    counts = f"won {len(tables['win'])}, lost {len(tables['loss'])}, undecided {len(tables['undecided'])}"
    return f"**Against {rival}: {counts}** on {len(comparisons)} tables, median difference {median:+.4f}.{won}{lost}"


def _verdict_table(comparisons: Sequence[Comparison], tables: Results) -> list[str]:
    rows = [
        "| table | search - rival | 95 % interval | p (Holm) | noise | pilot | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in comparisons:
        reason = tables[each.table].get("pilot") or "not run"
        pilot = next((part for part in reason.split("; ") if "architecture" in part), "not clear").replace(" here", "")
        interval = f"{each.low:+.4f} to {each.high:+.4f}"
        rows.append(
            f"| {each.table} | {each.difference:+.4f} | {interval} | {each.adjusted_p:.3f} | {each.noise:.4f} "
            f"| {pilot} | {each.verdict} |"
        )
    return rows


def _score_table(name: str, table: Results) -> list[str]:
    """Test scores by task and method: mean and standard deviation over the search seeds."""
    tasks = list(table["metrics"])
    rows = [
        f"### {name}",
        "",
        f"| method | {' | '.join(f'{task} {metric}' for task, metric in table['metrics'].items())} | mean | work |",
        "|---" * (len(tasks) + 3) + "|",
    ]
    for method in METHODS:
        runs = list(table["runs"][method].values())
        cells = [_mean_and_deviation([run["scores"][task] for run in runs]) for task in tasks]
        mean = _mean_and_deviation([_mean(run["scores"]) for run in runs])
        rows.append(f"| {method} | {' | '.join(cells)} | {mean} | {fmean(run['work'] for run in runs):.1f} |")
    cells = [_mean_and_deviation([scores[task] for scores in table["noise"]]) for task in tasks]
    mean = _mean_and_deviation([_mean(scores) for scores in table["noise"]])
    rows.append(f"| mmoe, untuned | {' | '.join(cells)} | {mean} |  |")
    trees = [f"{table['trees'][task]:.4f}" for task in tasks]
    return [*rows, f"| boosted trees | {' | '.join(trees)} | {_mean(table['trees']):.4f} |  |"]


def _mean(scores: Mapping[str, float]) -> float:
    return fmean(scores.values())


def _mean_and_deviation(values: Sequence[float]) -> str:
    return f"{fmean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def main() -> None:
    """Write the report into its page and its summary into the README."""
    results = load(RESULTS / "protocol.json")
    for page, text in ((PAGE, report(results)), (README, summary(results) + "\n")):
        before, rest = page.read_text().split(MARKS[0])
        page.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.split(MARKS[1])[1]}")


if __name__ == "__main__":
    main()
