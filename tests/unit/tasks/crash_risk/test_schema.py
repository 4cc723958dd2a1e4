"""Crashes and weather days of every public file are taken, and what cannot be is refused for its own field."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.contracts.task import RowRejected
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.rows.split import BY_TIME
from infolens.tasks.crash_risk.schema import CUTS, LABELS, RECENT, SCHEMA, TYPICAL, WEATHER, band_of, label_of

OPEN_DATA = (
    *("CRASH DATE", "CRASH TIME", "BOROUGH", "ZIP CODE", "LATITUDE", "LONGITUDE", "LOCATION", "ON STREET NAME"),
    *("CROSS STREET NAME", "OFF STREET NAME", "NUMBER OF PERSONS INJURED", "NUMBER OF PERSONS KILLED"),
    *("NUMBER OF PEDESTRIANS INJURED", "CONTRIBUTING FACTOR VEHICLE 1", "COLLISION_ID", "VEHICLE TYPE CODE 1"),
)
RENAMED = (
    *("CRASH_DATE", "CRASH_TIME", "BOROUGH", "ZIP_CODE", "LATITUDE", "LONGITUDE", "LOCATION", "ON_STREET_NAME"),
    *("CROSS_STREET_NAME", "OFF_STREET_NAME", "INJURED_PERSONS", "KILLED_PERSONS", "INJURED_PEDESTRIANS"),
    *("COLLISION_ID", "VEHICLE_TYPE_1"),
)
NOAA = ["STATION", "NAME", "DATE", "AWND", "PRCP", "SNOW", "SNWD", "TMAX", "TMIN"]
UNDATED = ["CRASH DATE", "BOROUGH", "ZIP CODE", "NUMBER OF PERSONS INJURED", "NUMBER OF PERSONS KILLED"]

CRASH = {"date": "06/13/2016", "time": "7:05", "borough": "QUEENS", "collision_id": "3461754"}
DAY = {"date": "2016-06-13", "prcp": "0.05", "snow": "0.0", "snwd": "", "tmax": "80", "tmin": "61", "awnd": ""}
QUESTION = {"date": "2023-02-08", "hour": 17, "borough": "Queens"}
PLACE = {"borough": "", "zip": "", "latitude": "", "longitude": ""}


def outcome(what, given):
    """What became of a row or question: clean, or refused."""
    try:
        return what(given), None
    except RowRejected as refusal:
        return None, refusal


def refused(what, given) -> RowRejected:
    """The refusal of a row or question."""
    with pytest.raises(RowRejected) as refusal:
        what(given)
    return refusal.value


@pytest.mark.parametrize("header", [OPEN_DATA, RENAMED])
def test_public_crash_files(header):
    """Both namings of the city's columns are found."""
    bound = SCHEMA.bind(header, labelled=True)
    assert {"date", "time", "borough", "zip", "latitude", "longitude", "injured", "killed", "collision_id"} < set(bound)
    assert header[bound["injured"]] in {"NUMBER OF PERSONS INJURED", "INJURED_PERSONS"}


def test_public_weather_file():
    """NOAA's columns make the file one of weather days."""
    assert set(SCHEMA.bind(NOAA, labelled=True)) == {"date", *WEATHER}


def test_crashes_without_time():
    """Crashes that belong to no hours are refused whole, and the reason says what is needed."""
    refusal = refused(lambda header: SCHEMA.bind(header, labelled=True), UNDATED)
    assert refusal.field == "time"
    assert "CRASH TIME" in refusal.reason


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (["CRASH TIME", "BOROUGH"], "date"),
        (["CRASH DATE", "CRASH TIME"], "borough"),
        (["CRASH DATE", "CRASH TIME", "LATITUDE"], "borough"),
        (["DATE", "PRCP", "TMAX"], "tmin"),
        (["PRCP", "TMAX", "TMIN"], "date"),
        (["CRASH DATE", "CRASH_DATE", "CRASH TIME", "BOROUGH"], "date"),
    ],
)
def test_missing_columns(header, field):
    """A header that lacks a needed column, or has it twice, is refused for it."""
    assert refused(lambda cells: SCHEMA.bind(cells, labelled=True), header).field == field


@pytest.mark.parametrize("column", ["BOROUGH", "ZIP CODE"])
def test_one_way_to_tell_the_place(column):
    """One column that tells the borough is enough."""
    assert SCHEMA.bind(["CRASH DATE", "CRASH TIME", column], labelled=True)


def test_crash():
    """A crash keeps its day, time, borough and number; what belongs to weather days is null."""
    clean = SCHEMA.clean(CRASH | {"injured": "2.0", "killed": ""})
    assert list(clean) == list(SCHEMA.columns)
    assert clean | dict.fromkeys(WEATHER) == clean
    assert (clean["kind"], clean["date"], clean["time"]) == ("crash", "2016-06-13", "07:05")
    assert (clean["borough"], clean["borough_from"]) == ("QUEENS", "report")
    assert (clean["injured"], clean["killed"], clean["collision_id"]) == (2, None, "3461754")


def test_weather_day():
    """A weather day keeps its measurements; blank ones are null."""
    clean = SCHEMA.clean(DAY)
    assert (clean["kind"], clean["date"], clean["prcp"], clean["tmin"]) == ("weather", "2016-06-13", 0.05, 61.0)
    assert clean["snwd"] is None
    assert clean["awnd"] is None
    assert clean["collision_id"] is None


@pytest.mark.parametrize(
    ("raw", "date"),
    [
        ("06/13/2016", "2016-06-13"),
        ("6/3/2025", "2025-06-03"),
        ("2016-06-13", "2016-06-13"),
        ("2016-06-13T00:00:00.000", "2016-06-13"),
        (" 01/01/2012 ", "2012-01-01"),
        ("12/31/2099", "2099-12-31"),
        ("02/29/2020", "2020-02-29"),
    ],
)
def test_dates(raw, date):
    """The city's dates with and without zeros, and ISO dates, mean the same."""
    assert SCHEMA.clean(CRASH | {"date": raw})["date"] == date


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "NaN",
        "yesterday",
        "02/29/2021",
        "13/01/2020",
        "2020-02-30",
        "12/31/2011",
        "01/01/2100",
        "0000-00-00",
        "1577836800",
    ],
)
def test_bad_dates(raw):
    """What is no day, or none that the city publishes, is refused."""
    assert refused(SCHEMA.clean, CRASH | {"date": raw}).field == "date"
    assert refused(SCHEMA.clean, DAY | {"date": raw}).field == "date"


@pytest.mark.parametrize("raw", ["", "24:00", "7:5", "7:60", "-1:00", "noon", "NaN", "7"])
def test_bad_times(raw):
    """What is no time of day is refused."""
    assert refused(SCHEMA.clean, CRASH | {"time": raw}).field == "time"


@pytest.mark.parametrize(
    ("place", "borough", "source"),
    [
        ({"borough": "queens"}, "QUEENS", "report"),
        ({"borough": "QUEENS", "zip": "11201"}, "QUEENS", "report"),
        ({"zip": "11201", "latitude": "40.85", "longitude": "-73.88"}, "BROOKLYN", "zip"),
        ({"latitude": "40.850000", "longitude": "-73.880000"}, "BRONX", "coordinates"),
        ({"zip": "07030", "latitude": "40.77", "longitude": "-73.975"}, "MANHATTAN", "coordinates"),
    ],
)
def test_borough(place, borough, source):
    """The reported borough comes first, then the ZIP code, then the coordinates; the row says which it was."""
    clean = SCHEMA.clean(CRASH | PLACE | place)
    assert (clean["borough"], clean["borough_from"]) == (borough, source)


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"borough": "GOTHAM"}, "borough"),
        ({}, "borough"),
        ({"latitude": "0.0", "longitude": "0.0"}, "borough"),
        ({"latitude": "40.73", "longitude": "-201.24"}, "borough"),
        ({"latitude": "nan", "longitude": "nan"}, "borough"),
        ({"latitude": "inf", "longitude": "-73.9"}, "latitude"),
        ({"latitude": "40.73", "longitude": "east"}, "longitude"),
        ({"latitude": "1e9", "longitude": "-73.9"}, "latitude"),
    ],
)
def test_no_borough(place, field):
    """A crash without a place, at 0/0, or outside the city is refused and so counted."""
    assert refused(SCHEMA.clean, CRASH | PLACE | place).field == field


@pytest.mark.parametrize("raw", ["-1", "0.5", "501", "9" * 60, "inf", "many", "1_000"])
def test_bad_persons(raw):
    """Persons are whole numbers from 0 to 500."""
    assert refused(SCHEMA.clean, CRASH | {"injured": raw}).field == "injured"
    assert refused(SCHEMA.clean, CRASH | {"killed": raw}).field == "killed"


def test_most_persons():
    """The limit itself is taken."""
    assert SCHEMA.clean(CRASH | {"injured": "500"})["injured"] == 500


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"prcp": "-0.1"}, "prcp"),
        ({"prcp": "25.1"}, "prcp"),
        ({"prcp": "inf"}, "prcp"),
        ({"snow": "wet"}, "snow"),
        ({"tmax": "131"}, "tmax"),
        ({"tmax": "50", "tmin": "51"}, "tmin"),
        ({"prcp": "", "snow": "", "tmax": "", "tmin": "NaN"}, "prcp"),
    ],
)
def test_bad_weather(values, field):
    """Measurements that cannot be, or none at all, are refused."""
    assert refused(SCHEMA.clean, DAY | values).field == field


def test_identity_of_a_crash():
    """The number of the collision tells crashes apart, in whatever file they are; the same number is the same crash."""
    other_file = {"date": "6/13/2016", "time": "07:05", "zip": "11103", "collision_id": "3461754.0"}
    assert SCHEMA.identity(SCHEMA.clean(CRASH)) == SCHEMA.identity(SCHEMA.clean(other_file))
    assert SCHEMA.identity(SCHEMA.clean(CRASH)) != SCHEMA.identity(SCHEMA.clean(CRASH | {"collision_id": "3461755"}))


@pytest.mark.parametrize("raw", ["0", "-5", "one", "1.5e40"])
def test_bad_numbers_of_collisions(raw):
    """A number that is none is refused: it would make two crashes one."""
    assert refused(SCHEMA.clean, CRASH | {"collision_id": raw}).field == "collision_id"


def test_identity_without_number():
    """Without a number a crash is what its row says: another time, street or number of injured is another crash."""
    row = CRASH | {"collision_id": "", "on_street": "ELM STREET      ", "injured": "1"}
    same = row | {"on_street": "elm street", "injured": "1.0", "time": "07:05"}
    assert SCHEMA.identity(SCHEMA.clean(row)) == SCHEMA.identity(SCHEMA.clean(same))
    for change in ({"time": "7:06"}, {"on_street": "OAK ROAD"}, {"injured": "2"}, {"date": "06/14/2016"}):
        assert SCHEMA.identity(SCHEMA.clean(row)) != SCHEMA.identity(SCHEMA.clean(row | change))


def test_identity_of_a_weather_day():
    """A day has one weather; it is no crash's duplicate."""
    assert SCHEMA.identity(SCHEMA.clean(DAY)) == SCHEMA.identity(SCHEMA.clean(DAY | {"prcp": "3"}))
    assert SCHEMA.identity(SCHEMA.clean(DAY)) != SCHEMA.identity(SCHEMA.clean(DAY | {"date": "06/14/2016"}))


def test_split_is_by_time():
    """No row is drawn at random into a split."""
    assert SCHEMA.split(SCHEMA.clean(CRASH)) == SCHEMA.split(SCHEMA.clean(DAY)) == BY_TIME


@pytest.mark.parametrize(
    ("ratio", "label"),
    [
        (0.0, "Safe"),
        (0.349, "Safe"),
        (0.35, "Somewhat Safe"),
        (0.749, "Somewhat Safe"),
        (0.75, "Average"),
        (1.099, "Average"),
        (1.10, "Somewhat Dangerous"),
        (1.499, "Somewhat Dangerous"),
        (1.50, "Dangerous"),
        (9.0, "Dangerous"),
    ],
)
def test_cut_offs(ratio, label):
    """A class begins at its cut-off (S4-01)."""
    assert label_of(ratio * TYPICAL["BRONX"] + 1e-12, "BRONX") == label


def test_every_class_is_possible_everywhere():
    """Whole numbers of crashes reach each class in each borough, and more crashes are never safer."""
    for borough in BOROUGHS:
        classes = [LABELS.index(label_of(crashes, borough)) for crashes in range(60)]
        assert set(classes) == set(range(len(LABELS)))
        assert classes == sorted(classes, reverse=True)
    assert list(CUTS) == sorted(CUTS)


@pytest.mark.parametrize(("hour", "band"), [(0, 0), (5, 0), (6, 6), (11, 6), (12, 12), (17, 12), (18, 18), (23, 18)])
def test_bands(hour, band):
    """A day has four bands of six hours."""
    assert band_of(hour) == band
    assert SCHEMA.check(QUESTION | {"hour": hour})["hour"] == band


def test_question():
    """A question needs a day, an hour and a borough; what else is given is kept as numbers."""
    assert SCHEMA.check(QUESTION) == {"date": "2023-02-08", "hour": 12, "borough": "QUEENS"}
    asked = SCHEMA.check(QUESTION | {"prcp": 0, "tmin": "20.5", "daily_crashes_7d": 41, "awnd": None, "snow": ""})
    assert asked == {
        "date": "2023-02-08",
        "hour": 12,
        "borough": "QUEENS",
        "prcp": 0.0,
        "tmin": 20.5,
        "daily_crashes_7d": 41.0,
    }


def test_time_does_as_well_as_hour():
    """A file of questions may have the city's CRASH TIME."""
    bound = SCHEMA.bind(["CRASH DATE", "CRASH TIME", "BOROUGH"], labelled=False)
    assert set(bound) == {"date", "time", "borough"}
    assert SCHEMA.check({"date": "2023-02-08", "time": "23:59", "borough": "BRONX"})["hour"] == 18


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"date": None}, "date"),
        ({"date": 20230208}, "date"),
        ({"date": "2023-02-30"}, "date"),
        ({"hour": 24}, "hour"),
        ({"hour": -1}, "hour"),
        ({"hour": 7.5}, "hour"),
        ({"hour": True}, "hour"),
        ({"hour": math.nan}, "hour"),
        ({"hour": None}, "hour"),
        ({"hour": None, "time": "25:00"}, "time"),
        ({"borough": "Gotham"}, "borough"),
        ({"borough": ["QUEENS"]}, "borough"),
        ({"prcp": -0.1}, "prcp"),
        ({"prcp": math.inf}, "prcp"),
        ({"prcp": {"inches": 1}}, "prcp"),
        ({"tmax": 40, "tmin": 41}, "tmin"),
        ({"daily_crashes_28d": -1}, "daily_crashes_28d"),
        ({"daily_crashes_28d": 5001}, "daily_crashes_28d"),
        ({"band_crashes_weekday": 10**400}, "band_crashes_weekday"),
    ],
)
def test_bad_questions(change, field):
    """A question that cannot be answered is refused for its own field."""
    assert refused(SCHEMA.check, QUESTION | change).field == field


@given(
    st.dictionaries(
        st.sampled_from(["date", "hour", "time", "borough", *WEATHER, *RECENT]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.lists(st.integers(), max_size=2),
    )
)
def test_any_question(payload):
    """Whatever is asked is refused with a field and a reason, or checked: a borough, a band, finite numbers."""
    checked, refusal = outcome(SCHEMA.check, payload)
    if refusal:
        assert refusal.field
        assert refusal.reason
        return
    assert checked["borough"] in BOROUGHS
    assert checked["hour"] in {0, 6, 12, 18}
    assert all(math.isfinite(checked[name]) and checked[name] >= -60 for name in (*WEATHER, *RECENT) if name in checked)
    assert SCHEMA.check(checked) == checked


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "borough",
                "zip",
                "latitude",
                "longitude",
                "on_street",
                "injured",
                "killed",
                "collision_id",
                "time",
                "date",
            ]
        ),
        st.text(max_size=20)
        | st.floats().map(str)
        | st.integers().map(str)
        | st.sampled_from(["NaN", "0", "40.7", "-73.9", "QUEENS"]),
    )
)
def test_any_crash(change):
    """Whatever a field of a crash holds, the row is refused with a reason or clean: a borough, counts, a number."""
    clean, refusal = outcome(SCHEMA.clean, CRASH | change)
    if refusal:
        assert refusal.field
        assert refusal.reason
        return
    assert clean["borough"] in BOROUGHS
    assert clean["borough_from"] in {"report", "zip", "coordinates"}
    assert all(clean[name] is None or 0 <= clean[name] <= 500 for name in ("injured", "killed"))
    assert clean["collision_id"]


@given(st.dictionaries(st.sampled_from(list(WEATHER)), st.text(max_size=20) | st.floats().map(str)))
def test_any_weather_day(change):
    """Whatever a measurement holds, the day is refused with a reason or its numbers are possible."""
    clean, refusal = outcome(SCHEMA.clean, DAY | change)
    if refusal:
        assert refusal.field in {*WEATHER}
        return
    for name, (least, most) in WEATHER.items():
        assert clean[name] is None or least <= clean[name] <= most
