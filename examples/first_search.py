"""A first search: a made-up funnel of three steps and a side task, small enough for half a minute.

    python examples/first_search.py [run folder]

`mtl-search run synthetic-funnel` searches all of its 60,000 rows, with longer training.
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
    full = mn.load_dataset("synthetic-funnel")
    rows = full.frame("train").head(6_000)
    # activation is too rare in so few rows; items and hours are numbers, but kinds of things
    data = mn.load_dataset(rows, TASKS, ignore=["activation"], columns=full.declaration.data.columns)
    print(data)

    everything = mn.load_space("everything")
    space = mn.SearchSpace("quick", {**everything.tree, "training": {"epochs": 2, "learning_rate": 3e-3}})
    budget = mn.Budget(trials=9, finalists=1, seeds=1)  # five presets and four proposals
    run = mn.search(space, data, budget=budget, folder=folder, seed=0)

    for trial in run.trials():
        print(f"{trial.name:14} {trial.proposed.parameters:>9,} parameters, mean score {trial.score:.4f}")
    print(f"best: {run.best().name}, in {run.folder.best}")
    print(mn.compare([run], data).frame()[["design", "score", "gain", "verdict", "parameters"]].to_string(index=False))
    print(run.best_model().predict(rows.head(3)).round(3))


if __name__ == "__main__":
    main(*sys.argv[1:])
