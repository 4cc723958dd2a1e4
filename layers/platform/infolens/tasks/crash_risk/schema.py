"""Rows of crash_risk: crashes and weather days as the public files have them, the classes and their cut-offs. Pure.

Two kinds of files belong to the task, one row per crash and one row per weather day; the header tells them apart, and
the column `kind` of a clean row keeps it. What is learned from are not these rows but days x boroughs x hour bands
(`examples.py`).
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from infolens.contracts.description import (
    Description,
    choice_schema,
    integer_schema,
    label_answer,
    list_schema,
    number_schema,
    object_schema,
)
from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_columns
from infolens.rows.json_types import json_type
from infolens.rows.nyc_boroughs import BOROUGHS, borough_at, borough_named, borough_of_zip
from infolens.rows.row_blocks import clean_each
from infolens.rows.split import BY_TIME
from infolens.rows.text_cleaning import clean_text, content_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infolens.contracts.task import CleanBlock

T = TypeVar("T")

LABELS = ("Dangerous", "Somewhat Dangerous", "Average", "Somewhat Safe", "Safe")
"""Names of the classes in the order of their ids, letter for letter S4-01."""

BANDS = (0, 6, 12, 18)
"""First hours of the bands: night, morning, afternoon, evening.

Six hours, not four: a band of Queens then has 15 crashes, whose chance spread is 26 % and not 32 %.
"""

BAND_HOURS = 24 // len(BANDS)

TYPICAL = MappingProxyType({"BRONX": 12.3, "BROOKLYN": 24.0, "MANHATTAN": 15.0, "QUEENS": 14.9, "STATEN ISLAND": 2.6})
"""Crashes with a reported borough in a band of six hours: means over the training part (2016-06 to 2021-12) of the
public files. Fixed, so that a class means the same in every year and for every model; another ruler is another task."""

CUTS = (0.35, 0.75, 1.10, 1.50)
"""Crashes relative to TYPICAL from which a band is no longer Safe, Somewhat Safe, Average, Somewhat Dangerous.

Near the fifths of the training part (0.40, 0.74, 1.07, 1.47), moved so that Staten Island, whose bands have 0, 1, 2, 3
or more crashes, can be in each of the classes.
"""

FIRST_DATE, LAST_DATE = date(2012, 1, 1), date(2099, 12, 31)
"""The city publishes crashes from July 2012 on."""

WEATHER = MappingProxyType(
    {
        "prcp": (0.0, 25.0),
        "snow": (0.0, 60.0),
        "snwd": (0.0, 120.0),
        "tmax": (-40.0, 130.0),
        "tmin": (-60.0, 110.0),
        "awnd": (0.0, 120.0),
    }
)
"""Weather of the day with the least and most that are taken: precipitation, snowfall and snow depth (inches), highest
and lowest temperature (degrees Fahrenheit), mean wind (miles/h), as NOAA's GHCN-Daily names them; the limits lie beyond
the records of the city."""

RECENT = ("daily_crashes_28d", "daily_crashes_7d", "daily_crashes_1d", "band_crashes_28d", "band_crashes_weekday")
"""Recent crashes in the borough, all with a reported borough and all from days before: mean a day over the last 28 and
the last 7 days, yesterday's, and of this band alone the mean over 28 days and over the same weekday of four weeks."""

MAX_CRASHES = 5_000.0
"""A day of a borough: ten times the most that the city had."""

_OPTIONAL = MappingProxyType({**WEATHER, **dict.fromkeys(RECENT, (0.0, MAX_CRASHES))})
"""What a question may leave out, with its limits."""

MAX_PERSONS = 500
"""Injured or killed in one crash; a bus has some 60 seats."""

_CRASH_NAMES = {
    "date": ("crash_date", "date"),
    "time": ("crash_time", "time"),
    "borough": ("borough",),
    "zip": ("zip_code", "zip"),
    "latitude": ("latitude",),
    "longitude": ("longitude",),
    "on_street": ("on_street_name",),
    "cross_street": ("cross_street_name",),
    "off_street": ("off_street_name",),
    "injured": ("number_of_persons_injured", "injured_persons", "injured"),
    "killed": ("number_of_persons_killed", "killed_persons", "killed"),
    "collision_id": ("collision_id",),
}
_WEATHER_NAMES = {"date": ("date",)} | {name: (name,) for name in WEATHER}
_QUESTION_NAMES = {
    "date": ("date", "crash_date"),
    "hour": ("hour",),
    "time": ("time", "crash_time"),
    "borough": ("borough",),
    **{name: (name,) for name in (*WEATHER, *RECENT)},
}
_PLACE = ("zip", "latitude", "longitude", "on_street", "cross_street", "off_street")

_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?", re.ASCII)
_MADE_UP = re.compile(r"row-[0-9a-f]{24}", re.ASCII)
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
_SHOWN = 40
"""Characters of a wrong value that its refusal quotes."""


def _remembered(read: Callable[..., T]) -> Callable[..., T]:
    """Let `read` remember short cells, which come again and again in a file: days, times, numbers of persons."""
    known = functools.lru_cache(maxsize=10_000)(read)

    def reading(raw: str, *name: str) -> T:
        return known(raw, *name) if len(raw) <= _SHOWN else read(raw, *name)

    return functools.wraps(read)(reading)


def label_of(crashes: float, borough: str) -> str:
    """Name the class of a band with this many crashes (or this mean of them)."""
    return LABELS[len(CUTS) - bisect_right(CUTS, crashes / TYPICAL[borough])]


def band_of(hour: int) -> int:
    """First hour of the band that the hour (0 to 23) is in."""
    return BANDS[hour // BAND_HOURS]


@dataclass(frozen=True)
class CrashRiskSchema:
    """`infolens.contracts.task.Schema` of crash_risk."""

    task: str = "crash_risk"
    columns: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {
                "kind": "string",
                "date": "string",
                "time": "string",
                "borough": "string",
                "borough_from": "string",
                "injured": "int64",
                "killed": "int64",
                **dict.fromkeys(WEATHER, "double"),
                "collision_id": "string",
            }
        )
    )
    """kind is "crash" or "weather"; date YYYY-MM-DD; time HH:MM; borough_from "report", "zip" or "coordinates";
    collision_id the city's number, or one made of what the row says. Fields of the other kind are null."""
    label: str = ""
    """No row has a label: a class belongs to a band of hours, not to a crash."""
    bad_row_budget: float = 0.2
    """Some 6 % of the public crashes have no place at all; beyond a fifth it is more likely the wrong file."""

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """See Schema. A header with a time of day is one of crashes; one with precipitation, of weather days."""
        if not labelled:
            return self._bind_questions(header)
        needed: tuple[str, ...]
        crash = bind_columns(header, _CRASH_NAMES)
        if "time" in crash:
            needed, bound = ("date",), crash
            if "borough" not in bound and "zip" not in bound and not {"latitude", "longitude"} <= set(bound):
                raise RowRejected("borough", "no such column; BOROUGH, ZIP CODE, or LATITUDE and LONGITUDE is needed")
        else:
            weather = bind_columns(header, _WEATHER_NAMES)
            if "prcp" not in weather:
                raise RowRejected(
                    "time",
                    "no such column; a file of crashes needs CRASH TIME or CRASH_TIME (or neither the hours nor "
                    "two crashes of a day can be told apart), a file of weather days needs DATE and PRCP",
                )
            needed, bound = ("date", "tmax", "tmin"), weather
        for name in needed:
            if name not in bound:
                known = (_CRASH_NAMES if bound is crash else _WEATHER_NAMES)[name]
                raise RowRejected(name, f"no such column; one of {', '.join(known)} is needed")
        return bound

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """See Schema."""
        found = _crash(raw) if "time" in raw else _weather(raw)
        return dict.fromkeys(self.columns) | found

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """See Schema."""
        return clean_each(self, columns)

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """See Schema. Takes date, hour (or time) and borough; weather and recent crashes where they are known."""
        checked: dict[str, object] = {"date": _date(_text(payload, "date")).isoformat()}
        if _given(payload, "hour"):
            hour = _number(payload["hour"], "hour", 0, 23)
            if hour != int(hour):
                raise RowRejected("hour", f"{hour} is no whole hour; 0 to 23 is needed")
            checked["hour"] = band_of(int(hour))
        elif _given(payload, "time"):
            checked["hour"] = band_of(int(_time(_text(payload, "time"))[:2]))
        else:
            raise RowRejected("hour", "is missing; 0 to 23 is needed")
        checked["borough"] = _borough(_text(payload, "borough"))
        checked |= {
            name: _number(payload[name], name, *limits) for name, limits in _OPTIONAL.items() if _given(payload, name)
        }
        _check_temperatures(checked.get("tmax"), checked.get("tmin"))
        return checked

    def describe(self) -> Description:
        """See Described."""
        optional = {name: number_schema(*limits) for name, limits in _OPTIONAL.items()}
        when_and_where: dict[str, dict[str, object]] = {
            "date": {"type": "string", "description": "2023-02-08 or 02/08/2023"},
            "hour": integer_schema(0, 23),
            "time": {"type": "string", "description": "in place of the hour: 17:30"},
            "borough": {"type": "string", "description": f"{', '.join(BOROUGHS)}, in any case"},
        }
        asked = object_schema(
            when_and_where | optional,
            optional=("hour", "time", *optional),
            example={"date": "2023-02-08", "hour": 17, "borough": "QUEENS", "prcp": 0.2, "daily_crashes_28d": 52.5},
        )
        return Description(
            input=asked | {"anyOf": [{"required": ["hour"]}, {"required": ["time"]}]},
            answer=label_answer(
                LABELS,
                probabilities=object_schema({name: number_schema(0, 1) for name in LABELS}),
                assumed=list_schema(choice_schema(list(_OPTIONAL)), len(_OPTIONAL)),
            ),
        )

    def identity(self, row: Mapping[str, object]) -> str:
        """See Schema. A crash is its number, which the same crash has in every file; a weather day is its date."""
        return f"crash {row['collision_id']}" if row["kind"] == "crash" else f"weather {row['date']}"

    def split(self, row: Mapping[str, object]) -> str:  # noqa: ARG002 - the same for every row
        """See Schema. A crash belongs to several examples; their split is by time and made with them."""
        return BY_TIME

    @staticmethod
    def _bind_questions(header: Sequence[str]) -> dict[str, int]:
        bound = bind_columns(header, _QUESTION_NAMES)
        for name in ("date", "borough"):
            if name not in bound:
                raise RowRejected(name, f"no such column; one of {', '.join(_QUESTION_NAMES[name])}, is needed")
        if "hour" not in bound and "time" not in bound:
            raise RowRejected("hour", "no such column; one of hour, time, crash_time is needed")
        return bound


def _crash(raw: Mapping[str, str]) -> dict[str, object]:
    day, time = _date(raw.get("date", "")).isoformat(), _time(raw["time"])
    borough, source = _place(raw)
    injured, killed = (_persons(raw.get(name, ""), name) for name in ("injured", "killed"))
    number = raw.get("collision_id", "").strip()
    if _MADE_UP.fullmatch(number):  # a clean row that comes back in a file
        pass
    elif _blank(number):
        # Without the city's number a crash is what its row says: two in one minute at one place are taken for one.
        place = content_key(clean_text(" ".join([borough, *(raw.get(name, "") for name in _PLACE)])))
        said = f"{day} {time} {place} {injured} {killed}"
        number = f"row-{hashlib.sha256(said.encode()).hexdigest()[:24]}"
    else:
        number = f"{int(_number(number, 'collision_id', 1, 10**12))}"
    return {
        "kind": "crash",
        "date": day,
        "time": time,
        "borough": borough,
        "borough_from": source,
        "injured": injured,
        "killed": killed,
        "collision_id": number,
    }


def _weather(raw: Mapping[str, str]) -> dict[str, object]:
    day = _date(raw.get("date", "")).isoformat()
    values = {
        name: None if _blank(raw.get(name, "")) else _number(raw[name], name, *limit) for name, limit in WEATHER.items()
    }
    if all(value is None for value in values.values()):
        raise RowRejected("prcp", "the day has no measurement at all; at least one is needed")
    _check_temperatures(values["tmax"], values["tmin"])
    return {"kind": "weather", "date": day, **values}


def _check_temperatures(highest: object, lowest: object) -> None:
    if isinstance(highest, float) and isinstance(lowest, float) and lowest > highest:
        raise RowRejected("tmin", f"{lowest:g} is above the day's highest temperature {highest:g}")


def _place(raw: Mapping[str, str]) -> tuple[str, str]:
    """Borough and what says so: the report, else the ZIP code, else the coordinates."""
    if not _blank(raw.get("borough", "")):
        return _borough(raw["borough"]), "report"
    if found := borough_of_zip(raw.get("zip", "")):
        return found, "zip"
    latitude, longitude = (_degrees(raw.get(name, ""), name) for name in ("latitude", "longitude"))
    if found := borough_at(latitude, longitude):
        return found, "coordinates"
    raise RowRejected(
        "borough", "is unknown: neither BOROUGH nor a ZIP code of the city nor coordinates in the city are given"
    )


@_remembered
def _borough(raw: str) -> str:
    name = borough_named(raw)
    if not name:
        raise RowRejected("borough", f"{raw[:_SHOWN]!r} is no borough; one of {', '.join(BOROUGHS)} is needed")
    return name


def _degrees(raw: str, name: str) -> float:
    """Coordinate; 0, which the files write for a missing one, when there is none."""
    return 0.0 if _blank(raw) else _number(raw, name, -360.0, 360.0)  # the public files have -201.24


@_remembered
def _persons(raw: str, name: str) -> int | None:
    if _blank(raw):
        return None
    number = _number(raw, name, 0, MAX_PERSONS)
    if number != int(number):
        raise RowRejected(name, f"{number:g} is no whole number of persons")
    return int(number)


@_remembered
def _date(raw: str) -> date:
    text = raw.strip()
    if found := _ISO_DATE.fullmatch(text):
        year, month, day = map(int, found.groups())
    elif found := _US_DATE.fullmatch(text):
        month, day, year = map(int, found.groups())
    else:
        raise RowRejected("date", f"{text[:_SHOWN]!r} is no date; YYYY-MM-DD or MM/DD/YYYY is needed")
    try:
        parsed = date(year, month, day)
    except ValueError:
        raise RowRejected("date", f"{text[:_SHOWN]!r} is not in the calendar") from None
    if not FIRST_DATE <= parsed <= LAST_DATE:
        raise RowRejected("date", f"{parsed} is outside {FIRST_DATE} to {LAST_DATE}")
    return parsed


@_remembered
def _time(raw: str) -> str:
    found = _TIME.fullmatch(raw.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise RowRejected("time", f"{raw.strip()[:_SHOWN]!r} is no time of day; 0:00 to 23:59 is needed")
    return f"{int(found[1]):02}:{found[2]}"


def _number(raw: object, name: str, least: float, most: float) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise RowRejected(name, f"must be a number, not {json_type(raw)}")
    try:
        value = float(raw) if isinstance(raw, int | float) or "_" not in raw else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise RowRejected(name, f"{str(raw)[:_SHOWN]!r} is no number; {least:g} to {most:g} is needed")
    if not least <= value <= most:
        raise RowRejected(name, f"{value:g} is not possible; {least:g} to {most:g} is needed")
    return value


def _blank(raw: str) -> bool:
    return raw.strip().lower() in _MISSING


def _given(payload: Mapping[str, object], name: str) -> bool:
    value = payload.get(name)
    return value is not None and not (isinstance(value, str) and _blank(value))


def _text(payload: Mapping[str, object], name: str) -> str:
    if not _given(payload, name):
        raise RowRejected(name, "is missing")
    value = payload[name]
    if not isinstance(value, str):
        raise RowRejected(name, f"must be a string, not {json_type(value)}")
    return value


SCHEMA = CrashRiskSchema()
