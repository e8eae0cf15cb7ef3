r"""Does a search find what is planted? Four tables of which the best sharing is known, ten searches each.

    python -m benchmarks.planted                       # some half an hour on two cores
    python -m benchmarks.planted separate --searches 2

Every architecture of a small space is trained on ten seeds: its mean test score is the truth, and the planted design
has to lead all that lack the plant by three deviations between its seeds. A search, the tool as it comes, succeeds
where its winner's true score is not below the planted design's by more than one such deviation. Prints a table, and
writes benchmarks/results/planted.json with versions and machine.

Trainings go to runs/planted/ as they end, and so do searches, so an interrupted command goes on. No preset is
tried first: their sizes are not those of the space, so what they are truly worth is not known.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.planted.tables import PLANTS, TRAINING, space
from benchmarks.planted.truth import home, truth

RESULTS = Path(__file__).parents[1] / "results" / "planted.json"
LEAD = 3.0  # deviations between seeds
WANTED = 0.9  # of the searches


def judged(plant: str, options: argparse.Namespace) -> dict[str, Any]:
    """The truth of a plant, and what each search came to."""
    folder = home(plant, options.folder)
    known = truth(plant, folder, seeds=options.seeds, workers=options.workers)
    one, winners = PLANTS[plant], []
    for seed in range(options.searches):
        run = mn.search(
            space(one.data()),
            one.data(),
            budget=mn.Budget(trainings=options.trainings),
            folder=folder / f"seed{seed}",
            seed=seed,
            presets=(),
            resources=mn.Resources(cpus=options.workers),
        )
        best = run.best()
        score = known.scores[best.proposed.architecture_key]
        winners.append(
            {
                "seed": seed,
                "design": spelled(best.proposal.design),
                "truth": score,
                "has it": one.has(best.proposal.design),
                "found": score >= known.enough,
            }
        )
    order = sorted(known.scores, key=lambda key: -known.scores[key])
    return {
        "about": one.about,
        "architectures": {spelled(known.designs[key]): known.scores[key] for key in order},
        "planted": {"design": spelled(one.design), "truth": known.scores[known.planted]},
        "without": {"design": spelled(known.designs[known.without]), "truth": known.scores[known.without]},
        "deviation": known.deviation,
        "lead": known.lead,
        "winners": winners,
        "found": sum(winner["found"] for winner in winners),
    }


def spelled(design: mn.Design) -> str:
    """In a few words what the space leaves open.

    >>> spelled(PLANTS["transfer"].design)
    'specific 1, chain'
    """
    level = design.levels[0]
    counts = {"shared": level.shared, "specific": level.specific, "family": level.family}
    words = [f"{name} {count}" for name, count in counts.items() if count]
    gated = level.mixing.placement == "task" and sum(counts.values()) > 1
    return ", ".join(words + ["gates"] * gated + ["chain"] * (design.transfers.links != "none"))


def table(found: dict[str, dict[str, Any]]) -> Table:
    """A row a plant."""
    columns = ("plant", "planted", "true score", "deviation", "best without", "lead in deviations", "found")
    shown = Table(*columns, title="Does a search find what is planted?")
    for plant, line in found.items():
        searches = len(line["winners"])
        few = "" if line["lead"] >= LEAD else f", under {LEAD:g}: no plant"
        failed = "" if line["found"] >= WANTED * searches else ": too few"
        shown.add_row(
            f"{plant}: {line['about']}",
            line["planted"]["design"],
            f"{line['planted']['truth']:.4f}",
            f"{line['deviation']:.4f}",
            f"{line['without']['design']} {line['without']['truth']:.4f}",
            f"{line['lead']:.1f}{few}",
            f"{line['found']} of {searches}{failed}",
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plants", nargs="*", metavar="PLANT", help=", ".join(PLANTS))
    parser.add_argument("--searches", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=10, help="trainings of each architecture")
    parser.add_argument("--trainings", type=float, default=40, help="the work of a search in full trainings")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("runs/planted"))
    options = parser.parse_args()
    found = {plant: judged(plant, options) for plant in options.plants or PLANTS}
    Console(width=150).print(table(found))
    if not options.plants:
        RESULTS.parent.mkdir(exist_ok=True)
        asked = {"searches": options.searches, "seeds": options.seeds, "trainings": options.trainings}
        everything = {"machine": machine(), **asked, "training": TRAINING, "plants": found}
        RESULTS.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
