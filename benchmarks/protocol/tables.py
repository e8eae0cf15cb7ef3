"""The seven tables of the protocol, chosen before its first run: where they come from, and what is asked of them.

All are read from $MTL_NAS_DATA. Columns that hold an outcome, or that give a label away, are left out; so are ids.
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

CENSUS_ROWS = 50_000  # of 199,523 train rows, drawn once
ADULT = (
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship"),
    *("race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income"),
)
ADULT_NUMBERS = ("age", "fnlwgt", "capital_gain", "capital_loss", "hours_per_week")
COLLEGE = 12  # years of education_num: an associate's degree or more
DIABETES_NUMBERS = (
    *("num_lab_procedures", "num_procedures", "num_medications", "number_outpatient", "number_emergency"),
    *("number_inpatient", "number_diagnoses"),
)
GAS = ("AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "TEY", "CDP", "CO", "NOX")
BIKE_NUMBERS = ("temp", "atemp", "hum", "windspeed")
BINARY, REGRESSION, COUNT = {"kind": "binary"}, {"kind": "regression"}, {"kind": "count"}


def table(name: str) -> mn.Dataset:
    """One of ``TABLES``; an error names the folder that is missing."""
    return TABLES[name]()


def folder(name: str) -> Path:
    """Where the files of a table lie."""
    here = Path(os.environ.get("MTL_NAS_DATA", "")) / name
    if not here.is_dir():
        raise mn.MtlNasError(f"the table needs $MTL_NAS_DATA/{name}; MTL_NAS_DATA is {os.environ.get('MTL_NAS_DATA')}")
    return here


def _census(group: str) -> mn.Dataset:
    """Groups 1 and 2 of the MMoE paper, cut to 50,000 train rows; validation and test as they are."""
    from mtl_nas.data.builtin.census import census_income, declared

    frame = census_income("/group1" if group == "group1" else "/group2")
    train = frame.index[frame["split"] == "train"]
    kept = np.random.default_rng(0).permutation(train)[:CENSUS_ROWS]
    cut = frame.loc[np.sort(np.concatenate([kept, frame.index[frame["split"] != "train"]]))].reset_index(drop=True)
    known = declared("/group1" if group == "group1" else "/group2")
    return _declared(cut, dict.fromkeys(known.tasks, BINARY), tuple(known.data.columns))


def _adult() -> mn.Dataset:
    """Income, never married, college. What follows from marriage or education is no feature; a tenth validates."""
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
    return _declared(frame, dict.fromkeys(labels, BINARY), ADULT_NUMBERS)


def _diabetes() -> mn.Dataset:
    """Readmission, days in hospital, medication and its change; the drugs determine the last two and are left out."""
    with zipfile.ZipFile(folder("diabetes130") / "dataset_diabetes.zip") as file:
        text = file.open("dataset_diabetes/diabetic_data.csv")
        frame = pd.read_csv(text, na_values="?", keep_default_na=False, low_memory=False)
    drugs = frame.columns[frame.columns.get_loc("metformin") : frame.columns.get_loc("change")]
    frame["medicated"] = (frame["diabetesMed"] == "Yes").astype(int)
    frame["changed"] = (frame["change"] == "Ch").astype(int)
    patients = frame["patient_nbr"].unique()
    shares = dict(zip(patients, np.random.default_rng(0).random(len(patients)), strict=True))
    share = frame["patient_nbr"].map(shares)  # all visits of a patient on one side
    frame["split"] = np.where(share < 0.7, "train", np.where(share < 0.8, "validation", "test"))
    frame = frame.drop(columns=[*drugs, "encounter_id", "patient_nbr", "diabetesMed", "change"])
    tasks = {
        "readmitted": {"kind": "multiclass"},
        "time_in_hospital": REGRESSION,
        "medicated": BINARY,
        "changed": BINARY,
    }
    return _declared(frame, tasks, DIABETES_NUMBERS)


def _bikes() -> mn.Dataset:
    """Hourly rentals of casual and registered riders, in time: the last fifth tests, the tenth before it validates."""
    with zipfile.ZipFile(folder("bike-sharing") / "Bike-Sharing-Dataset.zip") as file:
        frame = pd.read_csv(file.open("hour.csv")).sort_values("instant", kind="stable")
    place = np.arange(len(frame)) / len(frame)
    frame["split"] = np.where(place < 0.7, "train", np.where(place < 0.8, "validation", "test"))
    frame = frame.drop(columns=["instant", "dteday", "cnt"])  # cnt is the sum of both labels
    return _declared(frame, {"casual": COUNT, "registered": COUNT}, BIKE_NUMBERS)


def _gas() -> mn.Dataset:
    """CO and NOX of a gas turbine: 2011 and 2012 train, 2013 validates, 2014 and 2015 test."""
    years = {year: pd.read_csv(folder("gas-turbine") / f"gt_{year}.csv.gz", names=GAS) for year in range(2011, 2016)}
    splits = {2011: "train", 2012: "train", 2013: "validation", 2014: "test", 2015: "test"}
    frame = pd.concat([year.assign(split=splits[number]) for number, year in years.items()], ignore_index=True)
    return _declared(frame, {"CO": REGRESSION, "NOX": REGRESSION}, GAS[:-2])


def _declared(frame: pd.DataFrame, tasks: dict[str, dict[str, str]], numbers: tuple[str, ...]) -> mn.Dataset:
    """Numbers as they are said, every other column a category, the split in its column."""
    known = {"split", *tasks, *numbers}
    columns: dict[str, Any] = {
        **dict.fromkeys(numbers, "number"),
        **{name: "category" for name in frame if name not in known},
    }
    return mn.load_dataset(frame, tasks=tasks, split={"column": "split"}, columns=columns)


TABLES: dict[str, Callable[[], mn.Dataset]] = {
    "census-income/group1": partial(_census, "group1"),
    "census-income/group2": partial(_census, "group2"),
    "kuairand-pure": lambda: kuairand("feedback").dataset(),
    "diabetes130": _diabetes,
    "adult": _adult,
    "bike-sharing": _bikes,
    "gas-turbine": _gas,
}
