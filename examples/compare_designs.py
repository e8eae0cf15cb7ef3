"""Designs side by side: two presets at their published sizes, and a design of your own.

python examples/compare_designs.py
"""

from rich.console import Console

import mtl_nas as mn
from mtl_nas.blocks import Expert, Tower
from mtl_nas.comparison import tables
from mtl_nas.design import Gating, Level, Transfers

TASKS = {"click": {"kind": "binary"}, "application": {"kind": "binary", "after": "click"}, "share": {"kind": "binary"}}


def main() -> None:
    rows = mn.load_dataset("synthetic-funnel").frame("train").head(6_000)
    data = mn.load_dataset(rows, TASKS, ignore=["approval", "activation"])

    design = mn.Design(
        levels=(Level(shared=2, specific=1, expert=Expert(hidden=(64, 32)), mixing=Gating(query="features")),),
        transfers=Transfers(links=(("click", "application"),)),
        tower=Tower(hidden=(16,)),
    )
    graph = mn.compose(design, data.schema)
    print(f"{graph.parameters:,} parameters, {graph.macs:,} multiply-adds per row, key {graph.key}")

    training = mn.Training(epochs=2, learning_rate=3e-3)
    result = mn.evaluate(design, data, training)
    print(f"validation: {result.scores['click']}")

    comparison = mn.compare(["mmoe", "aitm", design], data, seeds=2, training=training)
    Console().print(tables(comparison))
    print(f"ties with {comparison.best.name}: {', '.join(comparison.ties) or 'none'}")


if __name__ == "__main__":
    main()
