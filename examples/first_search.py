"""A search in half a minute: a made-up funnel of three steps and a side task.

    python examples/first_search.py [run folder]

`mtl-search run synthetic-funnel` searches all 60,000 rows of the table, with longer training.
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
    # activation is too rare in so few rows; the kinds of columns are those that the whole table declares
    data = mn.load_dataset(rows, TASKS, ignore=["activation"], columns=full.declaration.data.columns)
    print(data)

    everything = mn.load_space("everything")
    space = mn.SearchSpace("quick", {**everything.tree, "training": {"epochs": 2, "learning_rate": 3e-3}})
    # five presets and four proposals
    run = mn.search(space, data, trials=9, finalists=1, seeds=1, seed=0, folder=folder)

    for trial in run.trials():
        print(f"{trial.name:14} {trial.parameters:>9,} parameters, mean score {trial.score:.4f}")
    print(f"best: {run.best().name}, in {run.best_folder}")
    print(mn.compare([run], data).frame()[["design", "score", "gain", "verdict", "parameters"]].to_string(index=False))
    print(run.best_model().predict(rows.head(3)).round(3))


if __name__ == "__main__":
    main(*sys.argv[1:])
