"""Measure what an ensemble of ten candidates is worth, beside the best of them and plain means.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.portfolio.ensembles --predictions FOLDER

The folder is that of ``benchmarks.portfolio.train``. Members are chosen by the code that ends a search. Prints, and
writes a part of docs/results/portfolio.md.
"""

import argparse
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

import mtl_nas as mn
from benchmarks.portfolio.choose import PAGE, Trained, complete_tables, share
from benchmarks.protocol.tables import table
from mtl_nas.evaluation import Predictions
from mtl_nas.record import NetworkName, RunFolder
from mtl_nas.scoring import mean_score, score_tasks
from mtl_nas.study.selection.ensemble import ensemble_of
from mtl_nas.study.selection.finalist_files import FinalistFiles

MARKS = ("<!-- ensembles -->", "<!-- end of ensembles -->")
DRAWS, DRAWN = 6, 10  # draws per table, and candidates of a draw
COLUMNS = ("best on choosing rows", "greedy ensemble", "mean of the best 3", f"mean of all {DRAWN}")


class Draw(NamedTuple):
    """Test scores of one draw by column, and what the choosing rows say that the ensemble gains."""

    scores: tuple[float, ...]
    gain: float
    pays: bool

    @property
    def helps(self) -> bool:
        """Whether the ensemble is better than the best network on the test rows."""
        return self.scores[1] > self.scores[0]


def predictions_of(folder: Path, candidate: str, rows: str) -> Predictions:
    """Return the predictions of a candidate for ``choosing`` or ``test`` rows."""
    with np.load(folder / f"{candidate}.npz") as file:
        return {key.partition("/")[2]: file[key] for key in file.files if key.startswith(f"{rows}/")}


def measure(data: mn.Dataset, trained: Trained, drawn: Sequence[str], folder: Path) -> Draw:
    """Return what is taken away from some candidates is worth on the test rows."""
    ranked = sorted(drawn, key=lambda candidate: -trained[candidate]["choosing"])
    choosing = {NetworkName(number, 0): predictions_of(folder, name, "choosing") for number, name in enumerate(ranked)}
    test = [predictions_of(folder, name, "test") for name in ranked]
    choice = ensemble_of(choosing, FinalistFiles(RunFolder(folder), data), weights={})

    def score(shares: Mapping[int, float]) -> float:
        mean = {
            head: np.sum([part * test[number][head] for number, part in shares.items()], axis=0) for head in test[0]
        }
        return mean_score(score_tasks(mean, data.rows("test"), data.schema), data.schema)

    scores = (
        score({0: 1.0}),
        score({member.number: member.share for member in choice.members}),
        score(dict.fromkeys(range(3), 1 / 3)),
        score(dict.fromkeys(range(DRAWN), 1 / DRAWN)),
    )
    return Draw(scores, choice.gain, choice.pays)


def report(tables: Mapping[str, Trained], predictions: Path) -> str:
    """Return a table of mean test scores, and a sentence on the gains that the choosing rows show."""
    dice, measured = random.Random(0), dict[str, list[Draw]]()
    for name, trained in tables.items():
        data = table(name)
        measured[name] = [
            measure(data, trained, dice.sample(sorted(trained), DRAWN), predictions / name) for _ in range(DRAWS)
        ]
    lines = [f"| table | {' | '.join(COLUMNS)} |", f"|---{'|---' * len(COLUMNS)}|"]
    for name, draws in measured.items():
        means = map(fmean, zip(*(draw.scores for draw in draws), strict=True))
        lines.append(f"| {name} | {' | '.join(f'{mean:.4f}' for mean in means)} |")
    shares = [
        fmean(share(tables[name], draw.scores[column]) for name, draws in measured.items() for draw in draws)
        for column in range(len(COLUMNS))
    ]
    lines.append(f"| mean share | {' | '.join(f'{each:.2f}' for each in shares)} |")
    every = [draw for draws in measured.values() for draw in draws]
    negative = [draw for draw in every if draw.gain < 0]
    lines += [
        "",
        f"The ensemble is better than the best network on the test rows in {sum(draw.helps for draw in every)} of "
        f"{len(every)} draws.",
        f"Its gain on the choosing rows is negative in {len(negative)} of them; in "
        f"{sum(draw.helps for draw in negative)} of these it is better on the test rows all the same.",
        f"It is what a search takes away in {sum(draw.pays for draw in every)}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=Path, required=True, help="the folder of benchmarks.portfolio.train")
    options = parser.parse_args()
    text = report(complete_tables(), options.predictions)
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}")
    print(text)


if __name__ == "__main__":
    main()
