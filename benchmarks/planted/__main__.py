r"""Test whether searches find what is planted in four tables whose best way of sharing is known.

    python -m benchmarks.planted                       # half an hour on two cores
    python -m benchmarks.planted separate --searches 2

Every architecture of a small space is trained on ten seeds; the mean test score is its true score. The planted design
has to lead all designs without the plant by three standard deviations between its seeds. A search with the defaults
succeeds if its winner's true score is at most one such deviation below that of the planted design. Prints a table, and
writes benchmarks/results/planted.json with versions and machine.

Trainings and searches are saved in runs/planted/ as they end, so that the command resumes after an interruption. The
searches try no presets first: presets have other sizes than the space, so that their true scores are not known.
"""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.planted.tables import PLANTS, TRAINING, space
from benchmarks.planted.truth import plant_folder, true_scores
from benchmarks.result_files import RESULTS, save

REQUIRED_LEAD = 3.0  # standard deviations between seeds
REQUIRED_SHARE = 0.9  # share of the searches that have to find the plant


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the true scores of a table's architectures and the winner of each search."""
    folder = plant_folder(name, options.folder)
    truth = true_scores(name, folder, seeds=options.seeds, workers=options.workers)
    plant, winners = PLANTS[name], []
    for seed in range(options.searches):
        run = mn.search(
            space(plant.data()),
            plant.data(),
            budget=mn.Budget(trainings=options.trainings),
            folder=folder / f"seed{seed}",
            seed=seed,
            presets=(),
            resources=mn.Resources(cpus=options.workers),
        )
        best = run.best()
        score = truth.scores[best.proposed.architecture_key]
        winners.append(
            {
                "seed": seed,
                "design": short_name(best.proposal.design),
                "truth": score,
                "has plant": plant.has(best.proposal.design),
                "found": score >= truth.threshold,
            }
        )
    best_first = sorted(truth.scores, key=lambda key: -truth.scores[key])
    return {
        "description": plant.description,
        "architectures": {short_name(truth.designs[key]): truth.scores[key] for key in best_first},
        "planted": {"design": short_name(plant.design), "truth": truth.scores[truth.planted]},
        "without": {"design": short_name(truth.designs[truth.without]), "truth": truth.scores[truth.without]},
        "deviation": truth.deviation,
        "lead": truth.lead,
        "winners": winners,
        "found": sum(winner["found"] for winner in winners),
    }


def short_name(design: mn.Design) -> str:
    """Return the experts, gates and links of a design, which is all that the space varies.

    >>> short_name(PLANTS["transfer"].design)
    'specific 1, chain'
    """
    level = design.levels[0]
    counts = {"shared": level.shared, "specific": level.specific, "family": level.family}
    parts = [f"{name} {count}" for name, count in counts.items() if count]
    gated = level.mixing.placement == "task" and sum(counts.values()) > 1
    return ", ".join(parts + ["gates"] * gated + ["chain"] * (design.transfers.links != "none"))


def result_table(results: dict[str, dict[str, Any]]) -> Table:
    """Return a table with a row per plant."""
    columns = ("plant", "planted", "true score", "deviation", "best without", "lead in deviations", "found")
    table = Table(*columns, title="Do searches find what is planted?")
    for name, result in results.items():
        searches = len(result["winners"])
        too_small = "" if result["lead"] >= REQUIRED_LEAD else f", under {REQUIRED_LEAD:g}: no plant"
        too_few = "" if result["found"] >= REQUIRED_SHARE * searches else ": too few"
        table.add_row(
            f"{name}: {result['description']}",
            result["planted"]["design"],
            f"{result['planted']['truth']:.4f}",
            f"{result['deviation']:.4f}",
            f"{result['without']['design']} {result['without']['truth']:.4f}",
            f"{result['lead']:.1f}{too_small}",
            f"{result['found']} of {searches}{too_few}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plants", nargs="*", metavar="PLANT", help=f"{', '.join(PLANTS)}; all by default")
    parser.add_argument("--searches", type=int, default=10, help="searches per plant")
    parser.add_argument("--seeds", type=int, default=10, help="trainings of each architecture")
    parser.add_argument("--trainings", type=float, default=40, help="work of a search in full trainings")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("runs/planted"), help="folder of trainings and searches")
    options = parser.parse_args()
    plants = {name: measure(name, options) for name in options.plants or PLANTS}
    Console(width=150).print(result_table(plants))
    if not options.plants:
        settings = {"searches": options.searches, "seeds": options.seeds, "trainings": options.trainings}
        results = {"machine": machine(), **settings, "training": TRAINING, "plants": plants}
        save(RESULTS / "planted.json", results)


if __name__ == "__main__":
    main()
