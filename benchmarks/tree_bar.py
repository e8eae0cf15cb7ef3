"""Measure boosted trees on the fourteen tables of the protocol: the bar that networks have to reach.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.tree_bar               # all tables
    python -m benchmarks.tree_bar adult mulan-scene
    python -m benchmarks.tree_bar --report                                 # writes docs/results/trees.md

LightGBM and CatBoost train one model per task, as ``mtl-search compare --trees`` does; the validation score of a table
chooses between the two. Saves after each library and table in benchmarks/results/trees.json, and measures only what is
not there.
"""

import argparse
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.machine import machine
from benchmarks.protocol.tables import TABLES, table
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.trees import LIBRARIES, BoostedTrees, Library, boosted_trees

OUTPUT = RESULTS / "trees.json"
PAGE = Path(__file__).parents[1] / "docs" / "results" / "trees.md"
MARKS = ("<!-- results -->", "<!-- end of results -->")
Results = dict[str, Any]


def outcome(trees: BoostedTrees, metrics: dict[str, str]) -> Results:
    """Return what is saved of the trees of one library on one table."""
    return {
        "version": trees.version,
        "validation": trees.validation_score,
        "scores": {task: trees.scores[task][metric] for task, metric in metrics.items()},
        "rounds": dict(trees.rounds),
        "seconds": round(trees.seconds, 1),
    }


def measure(name: str, library: Library, results: Results) -> None:
    """Measure a library on a table, and save, unless that was done before."""
    of_table = results["tables"].setdefault(name, {"libraries": {}})
    if library.name in of_table["libraries"]:
        return
    data = table(name)
    of_table["metrics"] = {task.name: task.main_metric for task in data.schema.tasks}
    of_table["rows"] = {split: len(data.rows(split)) for split in ("train", "validation", "test")}
    of_table["libraries"][library.name] = outcome(boosted_trees(data, library), of_table["metrics"])
    save(OUTPUT, results)
    print(f"{name}, {library.name}: {of_table['libraries'][library.name]}", flush=True)


def chosen(of_table: Results) -> str | None:
    """Return the library with the higher validation score, LightGBM if both are equal; None if one is not measured."""
    by_library = of_table["libraries"]
    if len(by_library) < len(LIBRARIES):
        return None
    return max(by_library, key=lambda name: by_library[name]["validation"])


def report(results: Results) -> str:
    """Return Markdown: one row per table, then the scores by task."""
    names = [library.name for library in LIBRARIES]
    tables = {name: results["tables"][name] for name in TABLES if name in results["tables"]}
    lines = [
        f"| table | train rows | tasks | {' | '.join(names)} | chosen | bar | processor seconds |",
        "|---" * (len(names) + 6) + "|",
    ]
    for name, of_table in tables.items():
        by_library = of_table["libraries"]
        means = {library: fmean(by_library[library]["scores"].values()) for library in by_library}
        cells = [f"{means[library]:.4f}" if library in means else "" for library in names]
        seconds = " + ".join(f"{by_library[library]['seconds']:.0f}" for library in names if library in by_library)
        best = chosen(of_table)
        bar = "not decided | " if best is None else f"{best} | **{means[best]:.4f}**"
        rows, tasks = of_table["rows"]["train"], len(of_table["metrics"])
        lines.append(f"| {name} | {rows:,} | {tasks} | {' | '.join(cells)} | {bar} | {seconds} |")
    return "\n".join([*lines, "", *_missing(tables), *_by_task(tables)]) + "\n"


def _missing(tables: Results) -> list[str]:
    """A sentence on what is not measured, if there is any."""
    missing = [
        f"{library.name} on {name}"
        for name in TABLES
        for library in LIBRARIES
        if library.name not in tables.get(name, {"libraries": {}})["libraries"]
    ]
    return [f"Not measured yet: {', '.join(missing)}.", ""] if missing else []


def _by_task(tables: Results) -> list[str]:
    """The test scores of each task; tasks of one table in one row."""
    lines = ["| table | library | test score of each task |", "|---|---|---|"]
    for name, of_table in tables.items():
        for library, result in of_table["libraries"].items():
            scores = ", ".join(f"{task} {score:.4f}" for task, score in result["scores"].items())
            lines.append(f"| {name} | {library} {result['version']} | {scores} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}; all by default")
    parser.add_argument("--report", action="store_true", help="write the page from the saved results, measure nothing")
    options = parser.parse_args()
    results = load(OUTPUT, {"tables": {}})
    if options.report:
        before, rest = PAGE.read_text().split(MARKS[0])
        PAGE.write_text(f"{before}{MARKS[0]}\n{report(results)}{MARKS[1]}{rest.split(MARKS[1])[1]}")
        return
    results["machine"] = machine()
    for library in LIBRARIES:
        for name in options.tables or TABLES:
            measure(name, library, results)
    print(report(results))


if __name__ == "__main__":
    main()
