"""What the default limit of operations keeps out: draws of the default space, and winners that were found without it.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.wide_draws

For each table of the protocol: the share of draws above the limit, their share of the operations of all draws, the
widest over the median one; and of the winners in benchmarks/results/protocol.json that had no limit, how many there
are, and the most parameters over the largest preset's. Prints a table, and writes
benchmarks/results/wide-draws.json.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.protocol.tables import TABLES, table
from mtl_nas.presets import compatible_presets
from mtl_nas.space import Random
from mtl_nas.study.objectives.limits import with_default

RESULTS = Path(__file__).parent / "results"
DRAWS = 300


def measured(name: str, winners: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Of one table."""
    schema = table(name).schema
    space = mn.load_space("everything").for_schema(schema)
    most = with_default({}, space, schema)["macs"]
    costs = []
    for seed in range(DRAWS):
        try:
            costs.append(mn.compose(space.resolve(Random(seed)).design, schema).macs)
        except mn.MtlNasError:  # no design of this table
            continue
    macs = np.array(costs)
    largest = max(mn.compose(design, schema).parameters for design in compatible_presets(schema).designs.values())
    free = [one["parameters"] for method in winners.values() for one in method.values() if "limits" not in one]
    wide = macs > most
    return {
        "draws": len(macs),
        "above": float(wide.mean()),
        "operations above": float(macs[wide].sum() / macs.sum()),
        "widest over median": float(macs.max() / np.median(macs)),
        "winners": len(free),
        "largest winner": max(free, default=0) / largest,
    }


def main() -> None:
    found = json.loads((RESULTS / "protocol.json").read_text())["tables"]
    kept = {name: measured(name, found.get(name, {}).get("found", {})) for name in TABLES}
    path = RESULTS / "wide-draws.json"
    path.write_text(json.dumps({"machine": machine(), "tables": kept}, indent=1) + "\n")
    columns = list(next(iter(kept.values())))
    printed = Table("table", *columns)
    for name, one in kept.items():
        printed.add_row(name, *(f"{one[column]:.3g}" for column in columns))
    Console(width=120).print(printed)


if __name__ == "__main__":
    main()
