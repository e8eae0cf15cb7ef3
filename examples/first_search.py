"""A first search: a made-up funnel of four steps and a side task, small enough for half a minute.

    python examples/first_search.py [run folder]

`mtl-search run synthetic-funnel` does the same on all of its 60,000 rows.
"""

import sys

import mtl_nas as mn

TASKS = {
    "click": {"kind": "binary"},
    "application": {"kind": "binary", "after": "click"},  # 1 only where click is 1
    "approval": {"kind": "binary", "after": "application"},
    "share": {"kind": "binary"},
}


def main(folder: str = "runs/first_search") -> None:
    rows = mn.load_dataset("synthetic-funnel").frame("train").head(8_000)
    data = mn.load_dataset(rows, TASKS, ignore=["activation"])  # too rare in so few rows
    print(data)

    budget = mn.Budget(trials=9, finalists=1, seeds=1)  # eight presets, one proposal
    run = mn.search("everything", data, budget=budget, folder=folder, seed=0)

    for trial in run.trials():
        print(f"{trial.name:14} {trial.proposed.parameters:>9,} parameters, mean score {trial.score:.4f}")
    print(f"best: {run.best().name}, in {run.folder.best}")
    print(mn.compare([run], data).frame()[["design", "score", "gain", "verdict", "parameters"]].to_string(index=False))
    print(run.model().predict(rows.head(3)).round(3))


if __name__ == "__main__":
    main(*sys.argv[1:])
