"""Makes seeded crashes and weather days of an invented year, with planted dirt: for the demo, tests and first steps.

The invented city has the boroughs and the usual numbers of the real one; hours, weekdays, holidays, snow and slow ups
and downs of traffic change them, and chance does the rest. Crashes and weather days are two kinds of files of one task.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from infolens.rows.csv_files import write_csv
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.rows.planted_dirt import perhaps_dirty
from infolens.rows.us_holidays import is_holiday
from infolens.tasks.crash_risk.schema import BANDS, LABELS, RECENT, TYPICAL, WEATHER

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refused_rows", "right_answer", "rows", "unlabelled", "weather_rows", "write_csv"]

CRASHES_A_DAY = 275
"""Of the whole city: four bands of what is typical in each borough."""

_SHAPE = {"BRONX": 1.0, "BROOKLYN": 1.0, "MANHATTAN": 0.9, "QUEENS": 1.0, "STATEN ISLAND": 0.8}
_BY_BAND = (0.42, 1.05, 1.50, 1.03)
_SUNDAY, _SATURDAY = 6, 5
_FREEZING = 32

_CENTRES = {
    "BRONX": (40.850, -73.880),
    "BROOKLYN": (40.650, -73.950),
    "MANHATTAN": (40.770, -73.975),
    "QUEENS": (40.720, -73.810),
    "STATEN ISLAND": (40.580, -74.140),
}
_ZIPS = {"BRONX": 10451, "BROOKLYN": 11201, "MANHATTAN": 10001, "QUEENS": 11360, "STATEN ISLAND": 10301}
_STREETS = ("ALDER", "BIRCH", "CEDAR", "DOGWOOD", "ELM", "FIR", "GINKGO", "HAZEL", "IVY", "JUNIPER", "LINDEN", "OAK")
_KINDS = ("STREET", "AVENUE", "ROAD", "PLACE", "BOULEVARD")
_FACTORS = ("Driver Inattention", "Failure to Yield", "Following Too Closely", "Unspecified", "Unsafe Speed")


def _days(count: int, seed: int) -> list[date]:
    """The days that so many crashes fill; they end just after New Year, so that holidays are among the last of them."""
    last = date(2014 + seed % 12, 1, 8)  # another seed is another winter: its crashes do not double those of this one
    return [last - timedelta(days=back) for back in range(max(1, count // CRASHES_A_DAY))][::-1]


def _weather(day: date) -> dict[str, float]:
    """Weather of a day; the same whatever is asked for."""
    source = random.Random(f"crash_risk weather {day}")  # noqa: S311 - sample data, no secret
    highest = 62 - 23 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 20) / 365.25) + source.gauss(0, 7)
    wet = source.random() < 0.35
    prcp = round(source.expovariate(2.5), 2) if wet else 0.0
    lowest = highest - source.uniform(8, 18)
    snow = round(prcp * 10, 1) if lowest < _FREEZING - 4 else 0.0
    return {
        "AWND": round(source.uniform(2, 11), 2),
        "PRCP": prcp,
        "SNOW": snow,
        "SNWD": round(snow * 0.8, 1),
        "TMAX": round(highest),
        "TMIN": round(lowest),
    }


def _rate(borough: str, day: date, band: int) -> float:
    """Crashes to expect in a band of the invented city."""
    rate = TYPICAL[borough] * _BY_BAND[band]
    if day.weekday() in {_SATURDAY, _SUNDAY}:
        rate *= (1.7, 0.7, 0.9, 1.0)[band]
    if is_holiday(day):
        rate *= (1.4, 0.65, 0.8, 0.9)[band]
    weather = _weather(day)
    rate *= 1.0 + 0.05 * (weather["PRCP"] > 0.5) + 0.10 * (weather["SNOW"] > 3.0)
    # Slow ups and downs, each borough in its own time: what recent weeks know and the calendar does not.
    phase = 2 * math.pi * (day.toordinal() / 90.0 + BOROUGHS.index(borough) / len(BOROUGHS))
    return rate * _SHAPE[borough] * math.exp(0.5 * math.sin(phase))


def _crash(source: random.Random, number: int, day: date, borough: str, band: int) -> dict[str, str]:
    latitude, longitude = _CENTRES[borough]
    injured = min(6, int(source.expovariate(2.2)))
    place = source.random()
    row = {
        "CRASH DATE": day.strftime("%m/%d/%Y"),
        "CRASH TIME": f"{BANDS[band] + source.randrange(6)}:{source.randrange(60):02}",
        "BOROUGH": borough,
        "ZIP CODE": str(_ZIPS[borough] + source.randrange(5)),
        "LATITUDE": f"{latitude + source.uniform(-0.01, 0.01):.6f}",
        "LONGITUDE": f"{longitude + source.uniform(-0.01, 0.01):.6f}",
        "ON STREET NAME": f"{source.choice(_STREETS)} {source.choice(_KINDS)}".ljust(32 if place < 0.5 else 0),
        "NUMBER OF PERSONS INJURED": str(injured),
        "NUMBER OF PERSONS KILLED": str(int(injured > 0 and source.random() < 0.01)),
        "CONTRIBUTING FACTOR VEHICLE 1": source.choice(_FACTORS),
        "COLLISION_ID": str(number),
    }
    if place < 0.08:  # as in the public files, some crashes have no address and are placed by coordinates
        row |= {"BOROUGH": "", "ZIP CODE": "", "ON STREET NAME": ""}
    return row


def refused_rows() -> tuple[tuple[dict[str, str], str], ...]:
    """Rows that the schema must refuse, each with the field it must name."""
    good = {
        "CRASH DATE": "01/05/2020",
        "CRASH TIME": "8:15",
        "BOROUGH": "QUEENS",
        "ZIP CODE": "11360",
        "LATITUDE": "40.72",
        "LONGITUDE": "-73.81",
        "ON STREET NAME": "ELM STREET",
        "NUMBER OF PERSONS INJURED": "0",
        "NUMBER OF PERSONS KILLED": "0",
        "CONTRIBUTING FACTOR VEHICLE 1": "Unspecified",
        "COLLISION_ID": "7",
    }
    nowhere = {"BOROUGH": "", "ZIP CODE": ""}
    return (
        (good | {"CRASH DATE": "02/30/2020"}, "date"),
        (good | {"CRASH DATE": "yesterday"}, "date"),
        (good | {"CRASH DATE": "01/05/1899"}, "date"),
        (good | {"CRASH TIME": "25:00"}, "time"),
        (good | {"CRASH TIME": ""}, "time"),
        (good | {"BOROUGH": "GOTHAM"}, "borough"),
        (good | nowhere | {"LATITUDE": "0", "LONGITUDE": "0"}, "borough"),
        (good | nowhere | {"LATITUDE": "40.73", "LONGITUDE": "-201.24"}, "borough"),
        (good | nowhere | {"LATITUDE": "north"}, "latitude"),
        (good | {"NUMBER OF PERSONS INJURED": "-1"}, "injured"),
        (good | {"NUMBER OF PERSONS KILLED": "0.5"}, "killed"),
        (good | {"NUMBER OF PERSONS INJURED": "9" * 30}, "injured"),
        (good | {"COLLISION_ID": "none of them"}, "collision_id"),
    )


def _soiled(source: random.Random, row: dict[str, str]) -> dict[str, str]:
    """Dirty a row in a way that cleaning takes out again."""
    kind = source.randrange(4)
    if kind == 0:
        return row | {
            "NUMBER OF PERSONS INJURED": f"{row['NUMBER OF PERSONS INJURED']}.0",
            "NUMBER OF PERSONS KILLED": "NaN",
        }
    if kind == 1:
        return row | {"BOROUGH": f" {row['BOROUGH'].title()} ", "CRASH TIME": f"{row['CRASH TIME']:>5}"}
    if kind == 2:
        return row | {"CRASH DATE": date(*_date_parts(row)).isoformat() + "T00:00:00.000"}
    return row | {"LATITUDE": "0", "LONGITUDE": "0"} if row["BOROUGH"] else row


def _date_parts(row: Mapping[str, str]) -> tuple[int, int, int]:
    month, day, year = map(int, row["CRASH DATE"].split("/"))
    return year, month, day


def rows(count: int, seed: int, *, dirt: float = 0.0) -> list[dict[str, str]]:
    """Make `count` crashes under the city's own column names; equal arguments give equal rows.

    They fill whole days, 275 a day, so that counts a day are right whatever the number; the last day is in January.

    Args:
        count: rows in all.
        seed: start of the random numbers; another one gives another winter with other numbers of collisions.
        dirt: share of rows that are planted dirt: a third repeats an earlier row, a third must be refused (see
            `refused_rows`), a third is dirty in a way that cleaning takes out.
    """
    source = random.Random(f"crash_risk rows {seed}")  # noqa: S311 - sample data, no secret
    cells = [(day, borough, band) for day in _days(count, seed) for borough in BOROUGHS for band in range(len(BANDS))]
    # Given their sum, independent Poisson counts are a multinomial: exactly `count` crashes, each cell by its own rate.
    reach = list(accumulate(_rate(borough, day, band) for day, borough, band in cells))
    drawn = Counter(source.choices(range(len(cells)), cum_weights=reach, k=count))
    refused = refused_rows()
    made: list[dict[str, str]] = []
    for number, at in enumerate(cell for cell in sorted(drawn) for _ in range(drawn[cell])):
        day, borough, band = cells[at]
        row = _crash(source, (seed + 1) * 10_000_000 + number, day, borough, band)
        made.append(perhaps_dirty(source, row, made, dirt=dirt, refused=refused, soiled=_soiled))
    return made


def weather_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Make the weather days that belong to the crashes of `rows(count, seed)`, under NOAA's column names."""
    return [
        {"STATION": "INVENTED", "DATE": day.isoformat(), **{name: str(value) for name, value in _weather(day).items()}}
        for day in _days(count, seed)
    ]


def unlabelled(count: int, seed: int) -> list[dict[str, str]]:
    """Make `count` questions; of a fifth of them only date, hour and borough are known."""
    source = random.Random(f"crash_risk unlabelled {seed}")  # noqa: S311 - sample data, no secret
    made = []
    for _ in range(count):
        day = date(2024, 1, 1) + timedelta(days=source.randrange(366))
        borough = source.choice(BOROUGHS)
        row = {"date": day.isoformat(), "hour": str(source.randrange(24)), "borough": borough.title()}
        known = source.random() < 0.8
        weather = {name.lower(): str(value) for name, value in _weather(day).items()}
        level = TYPICAL[borough] * len(BANDS) * source.uniform(0.5, 1.5)
        recent = dict(zip(RECENT, (f"{level * part:.2f}" for part in (1.0, 0.95, 1.1, 0.25, 0.25)), strict=True))
        made.append(row | {name: (weather | recent)[name] if known else "" for name in (*WEATHER, *RECENT)})
    return made


def right_answer(row: Mapping[str, object]) -> dict[str, object]:
    """Give the answer of a predictor that is right, and sure, about an example."""
    label = str(row["label"])
    return {
        "label_id": LABELS.index(label),
        "label": label,
        "confidence": 1.0,
        "probabilities": {name: float(name == label) for name in LABELS},
        "assumed": [],
    }
