"""The tables of the protocol: their files, tasks, columns and splits.

Seven were chosen before its first run; the seven small ones were added later, for tables of some hundred rows and of
numbers alone.
All are read from $MTL_NAS_DATA. Ids, columns that hold an outcome and columns that determine a label are left out. Not
a command: ``benchmarks.protocol.run`` and ``benchmarks.wide_draws`` import it.
"""

import gzip
import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mtl_nas as mn
from benchmarks.kuairand import kuairand

CENSUS_ROWS = 50_000  # train rows drawn from 199,523
ADULT = (
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship"),
    *("race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income"),
)
ADULT_NUMBERS = ("age", "fnlwgt", "capital_gain", "capital_loss", "hours_per_week")
COLLEGE = 12  # smallest education_num of an associate's degree
DIABETES_NUMBERS = (
    *("num_lab_procedures", "num_procedures", "num_medications", "number_outpatient", "number_emergency"),
    *("number_inpatient", "number_diagnoses"),
)
GAS = ("AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "TEY", "CDP", "CO", "NOX")
BIKE_NUMBERS = ("temp", "atemp", "hum", "windspeed")
SHOPPER_NUMBERS = (
    *("Administrative", "Administrative_Duration", "Informational", "Informational_Duration", "ProductRelated"),
    *("ProductRelated_Duration", "BounceRates", "ExitRates", "SpecialDay"),
)
STUDENT_NUMBERS = (
    *("age", "Medu", "Fedu", "traveltime", "studytime", "failures", "famrel", "freetime", "goout", "Dalc", "Walc"),
    *("health", "absences"),
)
ENERGY_NUMBERS = ("X1", "X2", "X3", "X4", "X5", "X7")
BINARY, REGRESSION, COUNT = {"kind": "binary"}, {"kind": "regression"}, {"kind": "count"}


def table(name: str) -> mn.Dataset:
    """Load one of ``TABLES``.

    Raises:
        MtlNasError: if the folder of its files is missing.
    """
    return TABLES[name]()


def folder(name: str) -> Path:
    """Return the folder with the files of a table."""
    path = Path(os.environ.get("MTL_NAS_DATA", "")) / name
    if not path.is_dir():
        raise mn.MtlNasError(f"the table needs $MTL_NAS_DATA/{name}; MTL_NAS_DATA is {os.environ.get('MTL_NAS_DATA')}")
    return path


def _census(group: str) -> mn.Dataset:
    """Group 1 or 2 of the MMoE paper with 50,000 of its train rows; validation and test rows are not cut."""
    from mtl_nas.data.builtin.census import census_income, declared

    frame = census_income("/group1" if group == "group1" else "/group2")
    train = frame.index[frame["split"] == "train"]
    drawn = np.random.default_rng(0).permutation(train)[:CENSUS_ROWS]
    cut = frame.loc[np.sort(np.concatenate([drawn, frame.index[frame["split"] != "train"]]))].reset_index(drop=True)
    declaration = declared("/group1" if group == "group1" else "/group2")
    return _dataset(cut, dict.fromkeys(declaration.tasks, BINARY), tuple(declaration.data.columns))


def _adult() -> mn.Dataset:
    """Income, never married, college; without columns on marriage or education. A tenth of the train file validates."""
    frames = []
    for name, skip in (("adult.data.gz", 0), ("adult.test.gz", 1)):
        with gzip.open(folder("adult") / name) as file:
            frames.append(
                pd.read_csv(file, names=ADULT, skiprows=skip, skipinitialspace=True, na_values="?").dropna(how="all")
            )
    frame = pd.concat(frames, ignore_index=True)
    labels = {
        "income": frame["income"].str.startswith(">50K"),
        "never_married": frame["marital_status"] == "Never-married",
        "college": frame["education_num"] >= COLLEGE,
    }
    frame = frame.drop(columns=["education", "education_num", "marital_status", "relationship", "income"])
    frame = frame.assign(**{name: label.astype(int) for name, label in labels.items()})
    validates = np.random.default_rng(0).random(len(frames[0])) < 0.1
    frame["split"] = [*np.where(validates, "validation", "train"), *["test"] * len(frames[1])]
    return _dataset(frame, dict.fromkeys(labels, BINARY), ADULT_NUMBERS)


def _diabetes() -> mn.Dataset:
    """Readmission, days in hospital, medication and its change; without drugs, which determine the last two."""
    with zipfile.ZipFile(folder("diabetes130") / "dataset_diabetes.zip") as file:
        text = file.open("dataset_diabetes/diabetic_data.csv")
        frame = pd.read_csv(text, na_values="?", keep_default_na=False, low_memory=False)
    drugs = frame.columns[frame.columns.get_loc("metformin") : frame.columns.get_loc("change")]
    frame["medicated"] = (frame["diabetesMed"] == "Yes").astype(int)
    frame["changed"] = (frame["change"] == "Ch").astype(int)
    patients = frame["patient_nbr"].unique()
    draws = dict(zip(patients, np.random.default_rng(0).random(len(patients)), strict=True))
    draw = frame["patient_nbr"].map(draws)  # one draw per patient, so that all visits are in one split
    frame["split"] = np.where(draw < 0.7, "train", np.where(draw < 0.8, "validation", "test"))
    frame = frame.drop(columns=[*drugs, "encounter_id", "patient_nbr", "diabetesMed", "change"])
    tasks = {
        "readmitted": {"kind": "multiclass"},
        "time_in_hospital": REGRESSION,
        "medicated": BINARY,
        "changed": BINARY,
    }
    return _dataset(frame, tasks, DIABETES_NUMBERS)


def _bikes() -> mn.Dataset:
    """Hourly rentals of casual and registered riders, split by time: 70 % train, 10 % validate, the last 20 % test."""
    with zipfile.ZipFile(folder("bike-sharing") / "Bike-Sharing-Dataset.zip") as file:
        frame = pd.read_csv(file.open("hour.csv")).sort_values("instant", kind="stable")
    position = np.arange(len(frame)) / len(frame)
    frame["split"] = np.where(position < 0.7, "train", np.where(position < 0.8, "validation", "test"))
    frame = frame.drop(columns=["instant", "dteday", "cnt"])  # cnt is the sum of both labels
    return _dataset(frame, {"casual": COUNT, "registered": COUNT}, BIKE_NUMBERS)


def _gas() -> mn.Dataset:
    """CO and NOX of a gas turbine: 2011 and 2012 train, 2013 validates, 2014 and 2015 test."""
    splits = {2011: "train", 2012: "train", 2013: "validation", 2014: "test", 2015: "test"}
    frames = [
        pd.read_csv(folder("gas-turbine") / f"gt_{year}.csv.gz", names=GAS).assign(split=split)
        for year, split in splits.items()
    ]
    frame = pd.concat(frames, ignore_index=True)
    return _dataset(frame, {"CO": REGRESSION, "NOX": REGRESSION}, GAS[:-2])


def _shoppers() -> mn.Dataset:
    """Purchase, whether a visit saw pages of value, and the kind of visitor (3 classes)."""
    frame = pd.read_csv(folder("online-shoppers") / "online_shoppers_intention.csv.gz")
    frame = frame.assign(
        revenue=frame["Revenue"].astype(int), valued=(frame["PageValues"] > 0).astype(int), visitor=frame["VisitorType"]
    ).drop(columns=["Revenue", "PageValues", "VisitorType"])
    tasks = {"revenue": BINARY, "valued": BINARY, "visitor": {"kind": "multiclass"}}
    return _random_split(frame, tasks, SHOPPER_NUMBERS)


def _student() -> mn.Dataset:
    """The three grades of students of Portuguese; no grade is a feature of another one."""
    frame = pd.read_csv(folder("student") / "student-por.csv.gz")
    return _random_split(frame, dict.fromkeys(("G1", "G2", "G3"), REGRESSION), STUDENT_NUMBERS)


def _energy() -> mn.Dataset:
    """Heating and cooling load of buildings; orientation and distribution of glazing are categories."""
    frame = pd.read_excel(folder("energy-efficiency") / "ENB2012_data.xlsx")
    return _random_split(frame, {"Y1": REGRESSION, "Y2": REGRESSION}, ENERGY_NUMBERS)


def _mulan(name: str, tasks: int, kind: dict[str, str]) -> mn.Dataset:
    """A table of the Mulan repository: the last columns are the tasks, all others are numbers."""
    frame = pd.read_csv(folder(f"mulan-{name}") / f"{name}.csv.gz").drop(columns="split", errors="ignore")
    return _random_split(frame, dict.fromkeys(frame.columns[-tasks:], kind), tuple(frame.columns[:-tasks]))


def _random_split(frame: pd.DataFrame, tasks: dict[str, dict[str, str]], numbers: tuple[str, ...]) -> mn.Dataset:
    """Draw 70 % train, 10 % validation and 20 % test rows, as ``_diabetes`` draws patients."""
    draw = np.random.default_rng(0).random(len(frame))
    split = np.where(draw < 0.7, "train", np.where(draw < 0.8, "validation", "test"))
    return _dataset(pd.concat([frame, pd.Series(split, name="split")], axis=1), tasks, numbers)


def _dataset(frame: pd.DataFrame, tasks: dict[str, dict[str, str]], numbers: tuple[str, ...]) -> mn.Dataset:
    """Declare every column that is neither a task, a number nor the split as a category."""
    not_categories = {"split", *tasks, *numbers}
    columns: dict[str, Any] = {
        **dict.fromkeys(numbers, "number"),
        **{name: "category" for name in frame if name not in not_categories},
    }
    return mn.load_dataset(frame, tasks=tasks, split={"column": "split", "stratified": False}, columns=columns)


LARGE_TABLES: dict[str, Callable[[], mn.Dataset]] = {
    "census-income/group1": partial(_census, "group1"),
    "census-income/group2": partial(_census, "group2"),
    "kuairand-pure": lambda: kuairand("feedback").dataset(),
    "diabetes130": _diabetes,
    "adult": _adult,
    "bike-sharing": _bikes,
    "gas-turbine": _gas,
}
SMALL_TABLES: dict[str, Callable[[], mn.Dataset]] = {
    "online-shoppers": _shoppers,
    "student-por": _student,
    "energy-efficiency": _energy,
    "mulan-emotions": partial(_mulan, "emotions", 6, BINARY),
    "mulan-scene": partial(_mulan, "scene", 6, BINARY),
    "mulan-wq": partial(_mulan, "wq", 14, REGRESSION),
    "mulan-atp1d": partial(_mulan, "atp1d", 6, REGRESSION),
}
TABLES = {**LARGE_TABLES, **SMALL_TABLES}
