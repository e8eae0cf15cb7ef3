"""The two official files of Census-Income: downloaded once unless they are there, and checked."""

import gzip
import io
import os
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pandas as pd

from mtl_nas.errors import DataError

ADDRESS = "https://archive.ics.uci.edu/static/public/117/census+income+kdd.zip"
FOLDER = "census-income"
ROWS = {"census-income.data": 199_523, "census-income.test": 99_762}
SECONDS = 60  # without a byte, before a download is given up
LEVELS = {"income_class": {"- 50000.", "50000+."}, "year": {"94", "95"}, "sex": {"Female", "Male"}}
NEVER_MARRIED = {"census-income.data": 86_485, "census-income.test": 43_143}
COLUMNS = [
    "age",
    "class_of_worker",
    "detailed_industry_recode",
    "detailed_occupation_recode",
    "education",
    "wage_per_hour",
    "enroll_in_edu_inst_last_wk",
    "marital_stat",
    "major_industry_code",
    "major_occupation_code",
    "race",
    "hispanic_origin",
    "sex",
    "member_of_a_labor_union",
    "reason_for_unemployment",
    "full_or_part_time_employment_stat",
    "capital_gains",
    "capital_losses",
    "dividends_from_stocks",
    "tax_filer_stat",
    "region_of_previous_residence",
    "state_of_previous_residence",
    "detailed_household_and_family_stat",
    "detailed_household_summary_in_household",
    "instance_weight",
    "migration_code_change_in_msa",
    "migration_code_change_in_reg",
    "migration_code_move_within_reg",
    "live_in_this_house_1_year_ago",
    "migration_prev_res_in_sunbelt",
    "num_persons_worked_for_employer",
    "family_members_under_18",
    "country_of_birth_father",
    "country_of_birth_mother",
    "country_of_birth_self",
    "citizenship",
    "own_business_or_self_employed",
    "fill_inc_questionnaire_for_veterans_admin",
    "veterans_benefits",
    "weeks_worked_in_year",
    "year",
    "income_class",
]


def table(name: str) -> pd.DataFrame:
    """One of the two files, every value as text but the numbers."""
    path = _path(name)
    frame = pd.read_csv(
        path,
        header=None,
        names=COLUMNS,
        skipinitialspace=True,
        keep_default_na=False,
        na_values=["?"],
        dtype={"year": str, "detailed_industry_recode": str, "detailed_occupation_recode": str},
    )
    _check(frame, name, path)
    return frame


def cache_folder() -> Path:
    """Where fetched data sets are kept: mtl_nas in $XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtl_nas"


def _path(name: str) -> Path:
    offline = os.environ.get("MTL_NAS_DATA")
    folders = [*([Path(offline) / FOLDER] if offline else []), cache_folder() / FOLDER]
    for folder in folders:
        for candidate in (folder / f"{name}.gz", folder / name):
            if candidate.is_file():
                return candidate
    _fetch(folders[-1])
    return folders[-1] / f"{name}.gz"


def _fetch(folder: Path) -> None:
    try:
        with urllib.request.urlopen(ADDRESS, timeout=SECONDS) as answer:
            packed = answer.read()
        files = {name: _member(packed, name) for name in ROWS}
    except (urllib.error.URLError, TimeoutError, OSError, zipfile.BadZipFile, KeyError) as problem:
        way_out = f"put the two files of {ADDRESS} into $MTL_NAS_DATA/{FOLDER}/"
        raise DataError(f"census-income cannot be fetched: {problem}; {way_out}") from None
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        partial = folder / f"{name}.{os.getpid()}.partial"  # another process may fetch at the same time
        partial.write_bytes(gzip.compress(content, compresslevel=6))
        partial.replace(folder / f"{name}.gz")


def _member(packed: bytes, name: str) -> bytes:
    """The content of a file in the archive, plain, gzipped, or inside a tar file."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        members = {Path(member).name: member for member in archive.namelist()}
        if name in members:
            return archive.read(members[name])
        if f"{name}.gz" in members:
            return gzip.decompress(archive.read(members[f"{name}.gz"]))
        for member in members.values():
            if member.endswith((".tar", ".tar.gz", ".tgz")):
                with tarfile.open(fileobj=io.BytesIO(archive.read(member))) as inner:
                    for part in inner.getmembers():
                        file = inner.extractfile(part) if Path(part.name).name == name else None
                        if file is not None:
                            return file.read()
    raise KeyError(f"no file {name} in the archive")


def _check(frame: pd.DataFrame, name: str, path: Path) -> None:
    way_out = "delete it, and it is fetched again"
    if len(frame) != ROWS[name]:
        raise DataError(f"'{path}' has {len(frame)} rows, expected {ROWS[name]}; {way_out}")
    for column, levels in LEVELS.items():
        values = set(frame[column].unique())
        if values != levels:
            raise DataError(
                f"'{path}': column {column} holds {sorted(map(str, values))[:3]}, expected {sorted(levels)}; {way_out}"
            )
    never = int((frame["marital_stat"] == "Never married").sum())
    if never != NEVER_MARRIED[name]:
        raise DataError(f"'{path}' has {never} rows 'Never married', expected {NEVER_MARRIED[name]}; {way_out}")
