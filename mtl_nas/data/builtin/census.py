"""Census-Income (KDD), UCI 117, CC BY 4.0: 199,523 and 99,762 persons of the 1994 and 1995 surveys.

``census-income`` predicts an income above 50,000 dollars and having never married; education is a feature there.
``census-income/group1`` and ``/group2`` are the two settings of MMoE (Ma et al., KDD 2018), education and marital
status left out of the features of both; group 2 predicts ``college`` and never married. "At least college" has no
published definition; here it is an associate's, bachelor's, master's, professional school or doctorate degree, and
income is no feature in group 2 either. The survey weight is never a feature.

The official train file trains; the test file is shuffled once and halved into validation and test.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd

from mtl_nas.data.builtin.census_files import table
from mtl_nas.data.declaration import Declaration, Source, Split, TaskDeclaration
from mtl_nas.random_streams import CENSUS_TEST_SEED

Variant = Literal["", "/group1", "/group2"]
VARIANTS: tuple[Variant, ...] = ("", "/group1", "/group2")
TASKS = {
    "": ("income", "never_married"),
    "/group1": ("income", "never_married"),
    "/group2": ("college", "never_married"),
}
NOT_FEATURES = ("instance_weight", "income_class", "marital_stat")
COLLEGE = ("Associates", "Bachelors", "Masters", "Prof school", "Doctorate")
NUMBERS = (
    "age",
    "wage_per_hour",
    "capital_gains",
    "capital_losses",
    "dividends_from_stocks",
    "num_persons_worked_for_employer",
    "weeks_worked_in_year",
)

CODES = ("detailed_industry_recode", "detailed_occupation_recode")  # numbers that name industries and occupations


def census_income(variant: Variant = "") -> pd.DataFrame:
    """Features, labels as 0 and 1, and the column ``split``."""
    train, test = table("census-income.data"), table("census-income.test")
    order = np.random.RandomState(CENSUS_TEST_SEED).permutation(len(test))
    frame = pd.concat([train, test.iloc[order]], ignore_index=True)
    labels = {
        "income": frame["income_class"] == "50000+.",
        "never_married": frame["marital_stat"] == "Never married",
        "college": frame["education"].str.startswith(COLLEGE),
    }
    half = len(test) // 2
    dropped = [*NOT_FEATURES, *(["education"] if variant else [])]
    added: dict[str, Any] = {name: labels[name].astype(np.int64) for name in TASKS[variant]}
    added["split"] = np.repeat(["train", "validation", "test"], [len(train), half, len(test) - half])
    return frame.drop(columns=dropped).assign(**added)


def declared(variant: Variant = "") -> Declaration:
    """Seven numbers, every other column a category; no funnel among the tasks."""
    return Declaration(
        data=Source(
            split=Split(column="split", stratified=False),
            columns={**dict.fromkeys(NUMBERS, "number"), **dict.fromkeys(CODES, "category")},
        ),
        tasks={name: TaskDeclaration(kind="binary") for name in TASKS[variant]},
    )
