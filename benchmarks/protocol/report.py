"""Wins and losses of the search from what the protocol kept; every sentence comes out of the statistics."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from scipy.stats import t as students

from benchmarks.protocol.methods import METHODS, SEEDS
from benchmarks.protocol.tables import TABLES

LEVEL = 0.05
RIVALS = METHODS[1:]
MARKS = ("<!-- results -->", "<!-- end of results -->")
ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "results" / "protocol.md", ROOT / "README.md"


@dataclass(frozen=True)
class Compared:
    """The search against a rival on one table: the paired difference of mean test scores over search seeds."""

    table: str
    rival: str
    difference: float
    low: float
    high: float
    p: float
    noise: float  # the standard deviation between retrainings of one design
    adjusted: float = 1.0  # p after Holm

    @property
    def verdict(self) -> str:
        """A win or a loss is significant after Holm, and above the noise of one training."""
        if self.adjusted >= LEVEL or abs(self.difference) <= self.noise:
            return "undecided"
        return "win" if self.difference > 0 else "loss"


def compared(name: str, here: Mapping[str, Any], rival: str) -> Compared:
    """Paired over the search seeds that both have; a t interval."""
    one, other = here["found"]["search"], here["found"][rival]
    gaps = [_mean(one[seed]["scores"]) - _mean(other[seed]["scores"]) for seed in one if seed in other]
    noise = stdev(_mean(scores) for scores in here["noise"])
    error = stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else float("inf")
    ratio = fmean(gaps) / error if error else float("inf") * np.sign(fmean(gaps) or 1.0)
    wide = float(students.ppf(1 - LEVEL / 2, max(len(gaps) - 1, 1))) * error
    p = 2 * float(students.sf(abs(ratio), max(len(gaps) - 1, 1)))
    return Compared(name, rival, fmean(gaps), fmean(gaps) - wide, fmean(gaps) + wide, p, noise)


def holm(all_of_them: Sequence[Compared]) -> list[Compared]:
    """P by Holm's step-down rule over the comparisons with one rival."""
    order = sorted(all_of_them, key=lambda one: one.p)
    adjusted: dict[str, float] = {}
    largest = 0.0
    for place, one in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * one.p))
        adjusted[one.table] = largest
    return [
        Compared(**{**one.__dict__, "adjusted": adjusted[one.table]}) for one in all_of_them
    ]  # in the order that was given


def report(kept: Mapping[str, Any]) -> str:
    """Markdown: a sentence a rival, the verdicts by table, the scores by task."""
    whole = {name: here for name, here in kept["tables"].items() if all(_seeds(here, rival) > 1 for rival in RIVALS)}
    lines = _missing(kept["tables"])
    for rival in RIVALS:
        found = holm([compared(name, here, rival) for name, here in whole.items()])
        lines += [_claim(rival, found), "", *_verdicts(found, whole), ""]
    for name, here in whole.items():
        lines += [*_scores(name, here), ""]
    return "\n".join(lines).rstrip() + "\n"


def summary(kept: Mapping[str, Any]) -> str:
    """The README's table: means over tasks and searches, and the word on tuned presets."""
    found = {one.table: one for one in holm([compared(name, here, RIVALS[0]) for name, here in kept["tables"].items()])}
    rows = [
        f"| table | {' | '.join(METHODS)} | boosted trees, untuned | search over {RIVALS[0]} |",
        "|---" * (len(METHODS) + 3) + "|",
    ]
    for name in sorted(kept["tables"]):
        here, one = kept["tables"][name], found[name]
        means = [fmean(_mean(run["scores"]) for run in here["found"][method].values()) for method in METHODS]
        clear = f"**{one.verdict}**, by {one.difference:+.4f} (p {one.adjusted:.3f})"
        word = one.verdict if one.verdict == "undecided" else clear
        rows.append(f"| {name} | {' | '.join(f'{mean:.4f}' for mean in [*means, _mean(here['trees'])])} | {word} |")
    return "\n".join(rows)


def _seeds(here: Mapping[str, Any], rival: str) -> int:
    """Search seeds that both have."""
    return len(here["found"]["search"].keys() & here["found"][rival].keys())


def _missing(tables: Mapping[str, Any]) -> list[str]:
    """What is not measured yet."""
    counts = {name: min(_seeds(tables[name], rival) for rival in RIVALS) if name in tables else 0 for name in TABLES}
    short = [f"{name} ({count} of {SEEDS})" for name, count in counts.items() if count < SEEDS]
    said = "Not complete: search seeds of all three methods are missing on " + ", ".join(short)
    return [f"{said}. Tables with fewer than two are left out.", ""] if short else []


def _claim(rival: str, found: Sequence[Compared]) -> str:
    """How often the search won, lost, neither."""
    if not found:
        return f"Against {rival}: nothing is measured yet."
    by = {word: [one.table for one in found if one.verdict == word] for word in ("win", "undecided", "loss")}
    middle = float(np.median([one.difference for one in found]))
    lost = f" It loses on {', '.join(by['loss'])}." if by["loss"] else ""
    won = f" It wins on {', '.join(by['win'])}." if by["win"] else ""
    counts = f"won {len(by['win'])}, lost {len(by['loss'])}, undecided {len(by['undecided'])}"
    return f"**Against {rival}: {counts}** on {len(found)} tables, median difference {middle:+.4f}.{won}{lost}"


def _verdicts(found: Sequence[Compared], whole: Mapping[str, Any]) -> list[str]:
    rows = [
        "| table | search - rival | 95 % | p (Holm) | noise | architecture | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        word = whole[one.table].get("pilot") or "not asked"
        says = next((part for part in word.split("; ") if "architecture" in part), "not clear").replace(" here", "")
        interval = f"{one.low:+.4f} to {one.high:+.4f}"
        rows.append(
            f"| {one.table} | {one.difference:+.4f} | {interval} | {one.adjusted:.3f} | {one.noise:.4f} "
            f"| {says} | {one.verdict} |"
        )
    return rows


def _scores(name: str, here: Mapping[str, Any]) -> list[str]:
    """Test scores by task and method: mean and deviation over the search seeds."""
    tasks = list(here["metrics"])
    rows = [
        f"### {name}",
        "",
        f"| method | {' | '.join(f'{task} {metric}' for task, metric in here['metrics'].items())} | mean | work |",
        "|---" * (len(tasks) + 3) + "|",
    ]
    for method in METHODS:
        runs = list(here["found"][method].values())
        cells = [_spread([run["scores"][task] for run in runs]) for task in tasks]
        mean, work = _spread([_mean(run["scores"]) for run in runs]), fmean(run["work"] for run in runs)
        rows.append(f"| {method} | {' | '.join(cells)} | {mean} | {work:.1f} |")
    cells = [_spread([scores[task] for scores in here["noise"]]) for task in tasks]
    rows.append(f"| mmoe, untuned | {' | '.join(cells)} | {_spread([_mean(one) for one in here['noise']])} |  |")
    trees = [f"{here['trees'][task]:.4f}" for task in tasks]
    return [*rows, f"| boosted trees | {' | '.join(trees)} | {_mean(here['trees']):.4f} |  |"]


def _mean(scores: Mapping[str, float]) -> float:
    return fmean(scores.values())


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def main() -> None:
    """Write the report of the kept results into its page, and its summary into the README."""
    kept = json.loads((ROOT / "benchmarks" / "results" / "protocol.json").read_text())
    for page, text in ((PAGE, report(kept)), (README, summary(kept) + "\n")):
        before, rest = page.read_text().split(MARKS[0])
        page.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.split(MARKS[1])[1]}")


if __name__ == "__main__":
    main()
