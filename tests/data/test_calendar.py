import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_nas as mn
from mtl_nas.adaptation import load_new_task
from mtl_nas.data import encode_rows, encode_table, feature_columns, load_dataset, raw_table
from mtl_nas.data.parsing.calendar_parts import CALENDAR_PARTS, MONTHS, WEEKDAYS, calendar_codes, calendar_levels
from mtl_nas.data.parsing.instants import local_seconds, read_instants, read_seconds
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.errors import DataError, MtlNasError

BERLIN = "Europe/Berlin"
ALL = [*CALENDAR_PARTS, "trend"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def column(values, kind=None) -> RawColumn:
    return RawColumn.of("at", pa.array(values, kind))


def parts_of(text: str, zone: str = "UTC") -> dict[str, str]:
    """The calendar parts of one time."""
    local = local_seconds(read_instants(column([text])).seconds, zone)
    return {part: calendar_levels(part, calendar_codes(part, local).tolist())[0] for part in CALENDAR_PARTS}


def table(rows: int = 400) -> pd.DataFrame:
    """Rows over two years, to the second, with labels of the hour in Berlin."""
    random = np.random.default_rng(0)
    at = pd.Series(pd.Timestamp("2023-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 730 * 86_400, rows), "s"))
    busy = at.dt.tz_convert(BERLIN).dt.hour.between(8, 18) ^ (random.random(rows) < 0.2)
    return pd.DataFrame({"at": at, "size": random.standard_normal(rows).round(3), "busy": busy.astype(int)})


def same_rows(left: mn.Dataset, right: mn.Dataset) -> bool:
    return all(
        np.array_equal(left.rows(split).categories, right.rows(split).categories)
        and np.array_equal(left.rows(split).numbers, right.rows(split).numbers, equal_nan=True)
        for split in ("train", "validation", "test")
    )


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
@settings(max_examples=300, deadline=None)
def test_parts_are_those_of_the_standard_library(time, zone):
    parts, local = parts_of(f"{time.isoformat()}Z", zone), time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert parts == {
        "minute": str(local.minute),
        "hour": str(local.hour),
        "weekday": WEEKDAYS[local.weekday()],
        "weekend": "yes" if local.weekday() > 4 else "no",
        "day": str(local.day),
        "week": str(local.isocalendar().week),
        "month": MONTHS[local.month - 1],
        "quarter": str((local.month + 2) // 3),
        "year": str(local.year),
    }


def test_the_hour_that_autumn_repeats_is_one_hour_of_two_instants():
    before, after = "2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"  # 02:30 in summer time, 02:30 in winter time
    assert parts_of(before, BERLIN)["hour"] == parts_of(after, BERLIN)["hour"] == "2"
    seconds = read_seconds(column([before, after]))
    assert seconds[1] - seconds[0] == 3600
    assert parts_of("2024-03-31T00:59:59Z", BERLIN)["hour"] == "1"
    assert parts_of("2024-03-31T01:00:00Z", BERLIN)["hour"] == "3"  # there is no second hour in spring


def test_leap_days_times_before_1970_and_nanoseconds_are_exact():
    assert {part: parts_of("2024-02-29")[part] for part in ("day", "month")} == {"day": "29", "month": "February"}
    assert parts_of("1969-12-31 23:59:59.5")["hour"] == "23"
    assert parts_of("1969-12-31 23:59:59.5")["weekday"] == "Wednesday"
    last = "2024-12-31T23:59:59.999999999"
    for text in (last, f"{last}Z", "2025-01-01 00:59:59.999999999+01:00"):
        assert parts_of(text)["year"] == "2024", text
    exact = column([1_735_689_599_999_999_999], pa.timestamp("ns"))
    assert calendar_codes("year", read_instants(exact).seconds).tolist() == [2024]
    assert calendar_codes("year", read_instants(column([1_735_689_599_999_999_999]), "ns").seconds).tolist() == [2024]
    assert calendar_codes("year", read_instants(column(["1735689599999999999"]), "ns").seconds).tolist() == [2024]


def spellings():
    """The same instants in every container type: name, column, unit of numbers."""
    whole = [-86_399, 0, 1_709_164_800, 1_729_988_999, 1_730_000_000]
    times = [EPOCH + timedelta(seconds=second) for second in whole]
    for unit, factor in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        numbers = [second * factor for second in whole]
        for zone in (None, "UTC", "America/New_York"):
            yield f"timestamp {unit} {zone}", column([*numbers, None], pa.timestamp(unit, zone)), "s"
        yield f"numbers {unit}", column([*numbers, None], pa.int64()), unit
        yield f"floats {unit}", column([*map(float, numbers), None], pa.float64()), unit
        yield f"decimals {unit}", column([*numbers, None], pa.decimal128(24)), unit
        yield f"text of numbers {unit}", column([*map(str, numbers), None]), unit
        yield f"text of floats {unit}", column([*(f"{number}.0" for number in numbers), None]), unit
        texts = [time.isoformat() for time in times]
        yield f"text with zone, unit {unit}", column([*texts, None]), unit
        yield f"text without zone, unit {unit}", column([*(text[:19].replace("T", " ") for text in texts), "NA"]), unit
    mixed = [times[0].isoformat(), *(time.astimezone(ZoneInfo("Asia/Tokyo")).isoformat() for time in times[1:])]
    yield "text of two zones", column([*mixed, None]), "s"
    yield "levels", RawColumn.of("at", pa.array([*mixed, None]).dictionary_encode()), "s"


@pytest.mark.parametrize(("values", "unit"), [pytest.param(*rest, id=name) for name, *rest in spellings()])
def test_every_container_gives_the_same_instants(values, unit):
    instants = read_instants(values, unit)
    assert instants.seconds[:5].tolist() == [-86_399, 0, 1_709_164_800, 1_729_988_999, 1_730_000_000]
    assert instants.missing.tolist() == [False] * 5 + [True]
    assert np.array_equal(read_seconds(values, unit)[:5], instants.seconds[:5])


def test_dates_are_midnights():
    days = [date(1969, 12, 31), date(2024, 2, 29)]
    expected = [-86_400, 1_709_164_800]
    for values in (column(days, pa.date32()), column(days, pa.date64()), column(["1969-12-31", "2024-02-29"])):
        assert read_instants(values).seconds.tolist() == expected


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["2024-01-01", "soon"], "column 'at' is a time, but row 2 holds 'soon'"),
        ([True, False], "column 'at' is a time, but row 1 holds True"),
        ([1.0, 1e300], "row 2 holds 1e\\+300"),
        ([1_700_000_000_000], "row 1 holds 1700000000000, which are no s of the years 1 to 9999; say unit: ms"),
        (["1700000000000"], "say unit: ms"),
        ([[1]], "row 1 holds"),
    ],
)
def test_a_value_that_is_no_time_is_named_with_its_row(values, words):
    with pytest.raises(DataError, match=words):
        read_instants(column(values))


def test_a_time_is_categories_of_its_parts_and_a_trend():
    data = load_dataset(table(), ["busy"], columns={"at": {"time": ["hour", "weekday", "month", "trend"]}})
    assert [(part.name, len(part.levels)) for part in data.schema.categories] == [
        ("hour(at)", 24),
        ("weekday(at)", 7),
        ("month(at)", 12),
    ]
    assert data.schema.categories[1].levels == WEEKDAYS
    assert [number.name for number in data.schema.numbers] == ["at", "size"]
    assert feature_columns(data.schema) == ["at", "size"]
    hours = encode_rows(data.frame("test"), data.schema, labels=False).categories[:, 0] - 1
    assert hours.tolist() == data.frame("test")["at"].dt.hour.tolist()
    assert any(note.startswith("column 'at' is a time from 2023-01-0") for note in data.notes)


def test_the_short_form_is_hour_weekday_and_trend():
    frame, long = table(), {"time": ["hour", "weekday", "trend"]}
    short = load_dataset(frame, ["busy"], columns={"at": "time"})
    assert short.fingerprint == load_dataset(frame, ["busy"], columns={"at": long}).fingerprint


def test_the_trend_is_the_number_that_the_column_is_without_a_declaration():
    frame = table()
    plain, trend = load_dataset(frame, ["busy"]), load_dataset(frame, ["busy"], columns={"at": {"time": ["trend"]}})
    assert trend.fingerprint == plain.fingerprint
    without = load_dataset(frame, ["busy"], columns={"at": {"time": ["hour"]}})
    assert [number.name for number in without.schema.numbers] == ["size"]


def test_a_zone_moves_hours_and_weekdays():
    frame = table()
    data = load_dataset(frame, ["busy"], columns={"at": {"time": ["hour", "weekday"], "zone": BERLIN}})
    local = data.frame("train")["at"].dt.tz_convert(BERLIN)
    rows = encode_rows(data.frame("train"), data.schema, labels=False)
    hour, weekday = data.schema.categories
    assert [hour.levels[index - 1] for index in rows.categories[:, 0]] == local.dt.hour.astype(str).tolist()
    assert [weekday.levels[index - 1] for index in rows.categories[:, 1]] == local.dt.day_name().tolist()


@pytest.mark.parametrize("zone", ["UTC", BERLIN])
def test_files_frames_and_encoded_folders_have_one_fingerprint(tmp_path, zone):
    frame = table()
    columns, fingerprints = {"at": {"time": ALL, "zone": zone}}, {}
    frames = {
        "seconds": frame.assign(at=frame["at"].astype("datetime64[s, UTC]")),
        "nanoseconds": frame.assign(at=frame["at"].astype("datetime64[ns, UTC]")),
        "elsewhere": frame.assign(at=frame["at"].dt.tz_convert("Asia/Tokyo")),
        "naive": frame.assign(at=frame["at"].dt.tz_localize(None)),
        "text": frame.assign(at=frame["at"].astype(str)),
        "unix": frame.assign(at=frame["at"].astype("datetime64[s, UTC]").astype("int64")),
    }
    for name, each in frames.items():
        each.to_parquet(tmp_path / f"{name}.parquet")
        each.to_csv(tmp_path / f"{name}.csv", index=False)
        fingerprints[name] = load_dataset(each, ["busy"], columns=columns).fingerprint
        for suffix in ("csv", "parquet"):
            path = str(tmp_path / f"{name}.{suffix}")
            fingerprints[name, suffix] = load_dataset(path, ["busy"], columns=columns).fingerprint
            folder = tmp_path / f"{name}-{suffix}"
            fingerprints[name, suffix, "encoded"] = encode_table(path, folder, ["busy"], columns=columns).fingerprint
    assert len(set(fingerprints.values())) == 1, fingerprints


def test_numbers_count_in_their_unit():
    frame = table()
    seconds = frame["at"].astype("datetime64[s, UTC]").astype("int64")
    expected = load_dataset(frame, ["busy"], columns={"at": {"time": ALL}})
    data = load_dataset(frame.assign(at=seconds * 1000), ["busy"], columns={"at": {"time": ALL, "unit": "ms"}})
    assert same_rows(data, expected)
    assert data.schema.numbers[0].unit == "ms"
    later = encode_rows(expected.frame("test"), data.schema, labels=False)  # instants need no unit
    assert np.array_equal(later.categories, data.rows("test").categories)
    assert np.array_equal(later.numbers, data.rows("test").numbers)
    text = load_dataset(
        frame.assign(at=(seconds * 1000).astype(str)), ["busy"], columns={"at": {"time": ALL, "unit": "ms"}}
    )
    assert text.fingerprint == data.fingerprint
    assert np.array_equal(encode_rows(text.frame("test"), text.schema, labels=False).numbers, data.rows("test").numbers)


@pytest.mark.parametrize("change", [str, lambda at: at])
def test_the_raw_frame_gives_the_encoded_rows_again(change):
    frame = table()
    data = load_dataset(frame.assign(at=frame["at"].map(change)), ["busy"], columns={"at": {"time": ALL}})
    raw = data.frame("test")
    assert list(raw) == ["at", "size", "busy"]
    rows = encode_rows(raw, data.schema, labels=False)
    assert np.array_equal(rows.categories, data.rows("test").categories)
    assert np.array_equal(rows.numbers, data.rows("test").numbers)


@pytest.mark.parametrize("reading", ["time", {"time": ["hour", "month"], "zone": BERLIN}, {"time": ALL, "unit": "ms"}])
def test_a_complete_declaration_loads_the_same_data_again(tmp_path, reading):
    frame = table().assign(day="2024-01-31")
    frame.to_csv(tmp_path / "visits.csv", index=False)
    data = load_dataset(str(tmp_path / "visits.csv"), ["busy"], columns={"at": reading, "day": "time"})
    assert "day" in data.declaration.data.ignore
    (tmp_path / "again.yaml").write_text(json.dumps(data.declaration.tree()), encoding="utf-8")
    assert load_dataset(str(tmp_path / "again.yaml")).fingerprint == data.fingerprint
    encoded = encode_table(tmp_path / "again.yaml", tmp_path / "encoded")
    assert load_dataset(str(tmp_path / "encoded"), columns={"at": reading}).fingerprint == encoded.fingerprint
    with pytest.raises(DataError, match="keeps its columns"):
        load_dataset(str(tmp_path / "encoded"), columns={"at": {"time": ["hour"]}})


def test_a_date_has_no_hour():
    frame = table()
    dates = frame.assign(at=frame["at"].dt.date)
    data = load_dataset(dates, ["busy"], columns={"at": "time"})
    assert [part.name for part in data.schema.categories] == ["weekday(at)"]
    assert "column 'hour(at)' is left out: it is always '0' in the train rows" in data.notes
    for at in (dates["at"], dates["at"].astype(str), pd.to_datetime(dates["at"])):
        with pytest.raises(DataError, match="column 'at' holds dates without a time of day, which have no zone"):
            load_dataset(dates.assign(at=at), ["busy"], columns={"at": {"time": ["weekday"], "zone": BERLIN}})


def test_times_of_day_have_hours_and_no_zone():
    frame = table()
    clocks = frame.assign(at=frame["at"].dt.strftime("%H:%M"))
    data = load_dataset(clocks, ["busy"], columns={"at": "time"})
    assert [part.name for part in data.schema.categories] == ["hour(at)"]
    assert load_dataset(frame.assign(at=frame["at"].dt.floor("min").dt.time), ["busy"], columns={"at": "time"}).schema
    with pytest.raises(DataError, match="column 'at' holds times of day, which have no zone; leave zone: Asia/Tokyo"):
        load_dataset(clocks, ["busy"], columns={"at": {"time": ["hour"], "zone": "Asia/Tokyo"}})


def test_missing_times_are_a_level_and_unseen_parts_are_id_0():
    frame = table()
    frame.loc[::7, "at"] = pd.NaT
    frame = frame[frame["at"].isna() | (frame["at"].dt.hour < 12)].reset_index(drop=True)
    data = load_dataset(frame, ["busy"], columns={"at": {"time": ["hour", "trend"]}})
    assert data.schema.categories[0].levels == (*map(str, range(12)), None)
    assert data.schema.numbers[0].missing
    times = pd.DataFrame({"at": ["2024-01-01 03:00", None, "2024-01-01 15:00", "NA"], "size": 0.5})
    assert encode_rows(times, data.schema, labels=False).categories[:, 0].tolist() == [4, 13, 0, 13]


def test_a_time_that_splits_is_a_feature_only_where_it_is_declared():
    frame = table()
    plain = load_dataset(frame, ["busy"], split={"time": "at"})
    assert feature_columns(plain.schema) == ["size"]
    data = load_dataset(
        frame, ["busy"], split={"time": "at"}, columns={"at": {"time": ["hour", "trend"], "zone": BERLIN}}
    )
    assert feature_columns(data.schema) == ["at", "size"]
    assert data.frame("train")["at"].max() < data.frame("validation")["at"].min()
    assert np.array_equal(data.rows("test").labels, plain.rows("test").labels)


def test_a_second_test_file_may_spell_times_otherwise(tmp_path):
    frame, columns = table(), {"at": {"time": ALL, "zone": BERLIN}}
    frame[:300].to_parquet(tmp_path / "train.parquet")
    frame[300:].assign(at=frame["at"][300:].astype(str)).to_csv(tmp_path / "later.csv", index=False)
    frame[300:].to_parquet(tmp_path / "later.parquet")
    loaded = [
        load_dataset(str(tmp_path / "train.parquet"), ["busy"], columns=columns, split={"test": str(tmp_path / later)})
        for later in ("later.csv", "later.parquet")
    ]
    assert same_rows(*loaded)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"time": ["hours"]}, r"data.columns.at.time: no feature 'hours'; features: minute, .*did you mean 'hour'"),
        ({"time": []}, "a time has one feature at least: minute, hour"),
        ({"time": ["hour", "hour"]}, "'hour' is listed twice"),
        ({"time": ["hour"], "zone": "Europe/Berln"}, "no zone 'Europe/Berln'.*did you mean 'Europe/Berlin'"),
        ({"time": ["hour"], "zone": "Europe"}, "no zone 'Europe'"),
        ({"time": ["hour"], "unit": "m"}, "data.columns.at.unit: input should be 's', 'ms', 'us' or 'ns', got 'm'"),
        ({"tim": ["hour"]}, "'data.columns.at.time' is missing"),
        ("tme", "column 'at': no kind 'tme'; kinds: category, number, sequence, time; did you mean 'time'"),
        (["hour"], r"column 'at' has a kind .* or \{time: \[...\]\}, got \['hour'\]"),
    ],
)
def test_a_reading_that_does_not_exist_is_refused_with_the_nearest_one(reading, words):
    with pytest.raises(MtlNasError, match=words):
        load_dataset(table(), ["busy"], columns={"at": reading})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"at": "soon"}, "column 'at' is a time, but row 1 holds 'soon'"),
        ({"hour(at)": 1.5}, r"column 'hour\(at\)' has the name of the hour of time 'at'; rename it"),
        ({"at": None}, "column 'at' has no value in any train row"),
        ({"at": ["?", *["2024-01-01"] * 399]}, r"row 1 holds '\?'; if that means .* say missing: \{at: \['\?'\]\}"),
    ],
)
def test_columns_that_make_no_calendar_are_refused(changes, words):
    with pytest.raises(DataError, match=words):
        load_dataset(table().assign(**changes), ["busy"], columns={"at": {"time": ["hour"]}})


def test_a_part_that_gives_a_label_away_is_named_with_the_way_out():
    frame = table(4000)
    frame["busy"] = (frame["at"].dt.hour > 12).astype(int)
    with pytest.raises(DataError, match=r"column 'hour\(at\)' gives away .*; leave hour out of columns: at, or leave"):
        load_dataset(frame, ["busy"], columns={"at": {"time": ["hour"]}})


def test_a_model_predicts_alike_from_every_spelling_and_after_saving(tmp_path):
    frame = table()
    data = load_dataset(frame, ["busy"], columns={"at": {"time": ALL, "zone": BERLIN}})
    network = mn.build(mn.compose(mn.preset("shared_bottom", data.schema, hidden=(8,), embedding=2), data.schema))
    model = mn.load_model(mn.Model(network, data.schema).save(tmp_path / "model"))
    assert "Columns read: at, size." in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    saved = json.loads((tmp_path / "model" / "schema.json").read_text(encoding="utf-8"))
    assert saved["categories"][1]["calendar"] == {"column": "at", "part": "hour", "zone": BERLIN, "unit": "s"}
    expected = model.predict(frame)
    for at in (
        frame["at"].astype(str),
        frame["at"].dt.tz_convert("Asia/Tokyo"),
        frame["at"].astype("datetime64[ns, UTC]"),
    ):
        assert model.predict(frame.assign(at=at)).equals(expected)


def test_notes_say_that_calendar_features_exist():
    frame = table()
    said = "column 'at': say columns: {at: time} for hour and weekday as features, too"
    assert said in load_dataset(frame, ["busy"]).notes
    assert said not in load_dataset(frame, ["busy"], columns={"at": "time"}).notes
    milliseconds = frame["at"].astype("datetime64[ms, UTC]").astype("int64")
    said = "if it counts ms since 1970, say columns: {time_ms: {time: [hour, weekday, trend], unit: ms}}"
    notes = load_dataset(frame.drop(columns="at").assign(time_ms=milliseconds, price=milliseconds), ["busy"]).notes
    assert [note for note in notes if "1970" in note] == [f"column 'time_ms' is read as a number; {said}"]


def test_a_model_is_adapted_with_the_calendar_of_its_schema():
    frame = table()
    data = load_dataset(frame, ["busy"], columns={"at": {"time": ["hour"], "zone": BERLIN}})
    later = frame.assign(at=frame["at"].astype(str), quiet=1 - frame["busy"])
    task = load_new_task(raw_table(later), data.schema, "quiet", kind=None, split=mn.Split())
    rows = encode_rows(later, data.schema, labels=False)
    assert sorted(task.train.categories[:, 0]) != [0] * len(task.train)
    assert set(task.train.categories[:, 0]) <= set(rows.categories[:, 0])
