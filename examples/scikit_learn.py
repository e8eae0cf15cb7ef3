"""The estimator among the tools of scikit-learn: a pipeline, a cross-validation, a grid over search spaces.

python examples/scikit_learn.py
"""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

import mtl_nas as mn
from mtl_nas.sklearn import MTLSearch

LINEAR = mn.SearchSpace("linear", {"design": {"levels": [], "tower": {"hidden": []}}, "training": {"epochs": 4}})
SHARED = mn.SearchSpace("shared", {"design": {"levels": [{"shared": 2}]}, "training": {"epochs": 4}})
ONE = {"presets": ["single_task"], "compare": "none", "ensemble": False}  # a baseline and one proposal


def visits(rows: int = 700) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Visits to a made-up shop, and three labels of different kinds; most visitors leave no stars."""
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"city": rng.choice(["Ghent", "Lyon", "Porto"], rows), "price": rng.lognormal(3, 0.5, rows)})
    liking = 2.0 * (x["city"] == "Porto") - 0.06 * x["price"] + rng.logistic(size=rows)
    stars = np.where(rng.random(rows) < 0.3, np.clip(np.round(liking + 4), 1, 5), np.nan)
    return x, pd.DataFrame({"click": liking > 0, "minutes": 5 + liking, "stars": stars})


def main() -> None:
    x, y = visits()
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)

    model = MTLSearch(SHARED, trials=2, search_options=ONE).fit(x_train, y_train, tasks={"stars": {"kind": "ordinal"}})
    print(model.tasks_)
    print(model.predict(x_test).head(3))
    print(f"mean of AUC and R2 on rows that were held out: {model.score(x_test, y_test):.3f}")

    splines = make_column_transformer((SplineTransformer(), ["price"]), remainder="passthrough")
    pipeline = make_pipeline(splines.set_output(transform="pandas"), MTLSearch(SHARED, trials=2, search_options=ONE))
    print("cross-validated", cross_validate(pipeline, x, y, cv=2)["test_score"].round(3))

    grid = GridSearchCV(pipeline, {"mtlsearch__space": [LINEAR, SHARED]}, cv=2).fit(x_train, y_train)
    print(
        f"best space: {grid.best_params_['mtlsearch__space'].name}; on held-out rows {grid.score(x_test, y_test):.3f}"
    )


if __name__ == "__main__":
    main()
