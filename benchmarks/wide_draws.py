"""Measure what the default limit of macs keeps out: draws of the default space, and winners of unlimited searches.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.wide_draws

For each table of the protocol: the share of draws above the limit, their share of the macs of all draws, the largest
macs over the median; and of the winners in benchmarks/results/protocol.json that had no limit, their number, and the
most parameters over those of the largest preset. Prints a table, and writes benchmarks/results/wide-draws.json.
"""

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.protocol.tables import LARGE_TABLES, table
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.presets import compatible_presets
from mtl_nas.space import Random
from mtl_nas.study.objectives.limits import limits_with_default

DRAWS = 300  # per table


def measure(name: str, runs: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return the figures of one table; ``runs`` are its runs of the protocol by method and seed."""
    schema = table(name).schema
    space = mn.load_space("everything").for_schema(schema)
    limit = limits_with_default({}, space, schema)["macs"]
    costs = []
    for seed in range(DRAWS):
        try:
            costs.append(mn.compose(space.resolve(Random(seed)).design, schema).macs)
        except mn.MtlNasError:  # the draw is not a design for this schema
            continue
    macs = np.array(costs)
    above = macs > limit
    largest = max(mn.compose(design, schema).parameters for design in compatible_presets(schema).designs.values())
    unlimited = [run["parameters"] for by_seed in runs.values() for run in by_seed.values() if "limits" not in run]
    return {
        "draws": len(macs),
        "draws above": float(above.mean()),
        "macs above": float(macs[above].sum() / macs.sum()),
        "widest over median": float(macs.max() / np.median(macs)),
        "winners": len(unlimited),
        "largest winner": max(unlimited, default=0) / largest,
    }


def main() -> None:
    protocol = load(RESULTS / "protocol.json")["tables"]
    figures = {name: measure(name, protocol.get(name, {}).get("runs", {})) for name in LARGE_TABLES}
    save(RESULTS / "wide-draws.json", {"machine": machine(), "tables": figures})
    columns = list(next(iter(figures.values())))
    printed = Table("table", *columns)
    for name, by_column in figures.items():
        printed.add_row(name, *(f"{by_column[column]:.3g}" for column in columns))
    Console(width=120).print(printed)


if __name__ == "__main__":
    main()
