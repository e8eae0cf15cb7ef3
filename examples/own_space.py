"""A space of your own, in Python and in YAML: the same tree with the same holes.

python examples/own_space.py [run folder]
"""

import sys
from pathlib import Path

import mtl_nas as mn
from mtl_nas.space import Choice, Defaults, Float, Int, Random, Repeat

LEVEL = {"shared": Int(1, 3, default=2), "specific": Int(0, 2), "expert": {"hidden": Choice(([32], [64]))}}
SPACE = mn.SearchSpace(
    "own",
    {
        "design": {
            "inputs": {"embedding": Choice((8, 16))},
            "levels": Repeat(1, 2, LEVEL),
            "tower": {"hidden": Choice(([], [16]))},
        },
        "training": {"epochs": 4, "learning_rate": Float(1e-3, 1e-2, log=True)},
    },
)


def main(folder: str = "runs/own_space") -> None:
    written = mn.load_space(Path(__file__).with_name("own_space.yaml"))
    assert written.tree == SPACE.tree

    data = mn.load_dataset(mn.load_dataset("synthetic-mmoe").frame("train").head(3_000), ["y1", "y2"])
    print(f"{SPACE.size()} discrete combinations")
    print("default:", len(SPACE.resolve(Defaults()).design.levels), "level; drawn:", SPACE.resolve(Random(0)).training)
    small = mn.preset("mmoe", data.schema, experts=3, hidden=(32,), tower=(16,))
    print("a small MMoE is in it:", SPACE.contains(small))

    run = mn.search(SPACE, data, trials=9, finalists=1, seeds=1, folder=folder)
    for trial in run.finalists():
        print(f"{trial.name:14} R2 on the choosing rows {trial.finalist_mean:.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
