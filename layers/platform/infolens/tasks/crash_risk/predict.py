"""Serves crash_risk: turns a question into what the model saw in training, and says what had to be assumed.

Training makes its features with the same functions, so that what is learned is what is asked.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, cast

from infolens.ml import tabular_classifier
from infolens.ml.onnx_session import cpu_share, usable_cores
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.rows.us_holidays import is_holiday
from infolens.tasks.crash_risk.schema import BANDS, TYPICAL, WEATHER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infolens.contracts.bundle import BundleManifest
    from infolens.contracts.task import Predictor

TABLES_FILE = "tables.json"
"""What a bundle knows beside its weights: `Tables`."""

_SCHOOL_YEAR_FROM, _SCHOOL_YEAR_TO = (9, 8), (6, 26)
"""Public schools of the city are open between these days (month, day), give or take one."""

_FREEZING = 32.0
_WET = 0.1
"""Inches a day from which streets are wet for hours."""


@dataclass(frozen=True)
class Tables:
    """What stands in for what a caller does not know."""

    level: dict[str, float]
    """Borough -> crashes a day over the last four weeks that the dataset covers."""
    share: dict[str, list[list[float]]]
    """Borough -> weekday (Monday first) -> band -> share of a recent mean day's crashes that this band has."""
    normals: dict[str, list[float]]
    """Weather -> mean of each month (January first); those that are zero on most days have zeros."""


def read_tables(directory: Path) -> Tables:
    """Read the tables of a bundle or of a trained model."""
    return Tables(**json.loads((directory / TABLES_FILE).read_text()))


def write_tables(directory: Path, tables: Tables) -> None:
    """Write the tables; equal tables give equal bytes."""
    (directory / TABLES_FILE).write_text(json.dumps(asdict(tables), sort_keys=True, separators=(",", ":")))


def completed(item: Mapping[str, object], tables: Tables) -> tuple[dict[str, float], list[str]]:
    """Give weather and recent crashes of a checked question, and the names of those that were assumed.

    A missing mean over four weeks becomes the last known level; one over a week, or yesterday's, that over four weeks;
    those of the band alone their usual share of it; the weather that of the month, without rain or snow.
    """
    borough, day = str(item["borough"]), date.fromisoformat(str(item["date"]))
    band = BANDS.index(cast("int", item["hour"]))
    values: dict[str, float] = {}
    assumed: list[str] = []

    def take(name: str, otherwise: float) -> float:
        given = item.get(name)
        if given is None:
            assumed.append(name)
        values[name] = otherwise if given is None else float(cast("float", given))
        return values[name]

    for name in WEATHER:
        take(name, tables.normals[name][day.month - 1])
    level = take("daily_crashes_28d", tables.level[borough])
    week = take("daily_crashes_7d", level)
    take("daily_crashes_1d", week)
    usual = level * tables.share[borough][day.weekday()][band]
    take("band_crashes_28d", usual)
    take("band_crashes_weekday", usual)
    return values, assumed


def features(item: Mapping[str, object], tables: Tables) -> tuple[list[float], list[str]]:
    """Give the model's input for a checked question, and what was assumed.

    Group (number of the borough), logarithm of the expected crashes (usual share of the recent level), then what may
    change them. The month is not among them: the recent level has the season in it, and a year's course learned from
    less than several years misled (validation was no worse without).
    """
    values, assumed = completed(item, tables)
    borough, day = str(item["borough"]), date.fromisoformat(str(item["date"]))
    group, band, weekday = BOROUGHS.index(borough), BANDS.index(cast("int", item["hour"])), day.weekday()
    level = values["daily_crashes_28d"]
    share = tables.share[borough][weekday][band]
    expected = max(level * share, _LEAST_EXPECTED)
    one_day = timedelta(days=1)
    row = [
        float(group),
        math.log(expected),
        *(float(group == number) for number in range(len(BOROUGHS))),
        *(float(band == number) for number in range(len(BANDS))),
        *(float(weekday == number) for number in range(7)),
        *(float(is_holiday(day) and band == number) for number in range(len(BANDS))),  # nights rise, mornings fall
        float(is_holiday(day + one_day)),
        float(is_holiday(day - one_day)),
        float((day.month, day.day) == (1, 1) and band == 0),  # the one night with three times the usual
        float(not _SCHOOL_YEAR_TO < (day.month, day.day) < _SCHOOL_YEAR_FROM and weekday < 5),
        math.log1p(5.0 * values["prcp"]),
        float(values["prcp"] >= _WET),
        math.log1p(values["snow"]),
        math.log1p(values["snwd"]),
        values["tmax"] / 20.0,
        values["tmin"] / 20.0,
        values["awnd"] / 5.0,
        float(values["tmin"] < _FREEZING and values["prcp"] > 0.0),
        _log_ratio(level, TYPICAL[borough] * len(BANDS), 1.0),
        _log_ratio(values["daily_crashes_7d"], level, 5.0),
        _log_ratio(values["daily_crashes_1d"], level, 10.0),
        _log_ratio(values["band_crashes_28d"], expected, 1.0),
        _log_ratio(values["band_crashes_weekday"], expected, 2.0),
        math.log(share),
    ]
    return row, assumed


_LEAST_EXPECTED = 0.05
"""Crashes in a band: a recent level of zero is no proof that none can happen."""


def _log_ratio(value: float, reference: float, few: float) -> float:
    """Logarithm of a ratio of counts, drawn to zero where both are few."""
    return math.log((value + few) / (reference + few))


def load(directory: Path, manifest: BundleManifest) -> Predictor:
    """See `infolens.contracts.task.LoadPredictor`."""
    tables = read_tables(directory)
    return tabular_classifier.load(
        directory, manifest, cpu_share(os.environ, usable_cores()), lambda item: features(item, tables)
    )
