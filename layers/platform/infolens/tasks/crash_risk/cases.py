"""Behavioural cases of crash_risk: what the answer must follow, and what it must not be thrown off by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.contracts.task import Case
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.tasks.crash_risk.schema import BANDS, TYPICAL, label_of

if TYPE_CHECKING:
    from collections.abc import Iterator

USUAL = (0.45, 1.00, 1.50, 1.05)
"""Crashes of the bands relative to a quarter of the day, in round numbers."""

_DAYS = ("2023-02-08", "2023-05-17")
"""Two Wednesdays, neither near a holiday."""

_HOLIDAYS = ("2023-11-23", "2023-12-25", "2024-07-04")
_ON_HOLIDAYS = (1.4, 0.7, 0.9, 1.0)
"""Crashes of the bands on 35 holidays of the public files, relative to what the weekday usually has."""

_FAR_DAYS = ("2012-07-11", "2098-10-22")
"""Long before and long after anything that was learned from."""

_MILD = {"prcp": 0.0, "snow": 0.0, "snwd": 0.0, "tmax": 60.0, "tmin": 46.0, "awnd": 5.0}
_STORMS = (
    {"prcp": 4.0, "awnd": 25.0},
    {"prcp": 1.5, "snow": 20.0, "snwd": 20.0, "tmax": 30.0, "tmin": 18.0, "awnd": 20.0},
)
_RECORDS = {"prcp": 20.0, "snow": 0.0, "snwd": 0.0, "tmax": 125.0, "tmin": 100.0, "awnd": 90.0}


def _example(  # noqa: PLR0913 - a case says all of its circumstances
    day: str, borough: str, band: int, *, month: float, week: float, now: float, weather: dict[str, float]
) -> dict[str, object]:
    """Give a question with its truth; month, week and now are crashes relative to TYPICAL."""
    typical = TYPICAL[borough]
    return {
        "date": day,
        "hour": BANDS[band],
        "borough": borough,
        "daily_crashes_28d": month * typical * len(BANDS),
        "daily_crashes_7d": week * typical * len(BANDS),
        "daily_crashes_1d": week * typical * len(BANDS),
        "band_crashes_28d": month * typical * USUAL[band],
        "band_crashes_weekday": month * typical * USUAL[band],
        **weather,
        "label": label_of(now * typical * USUAL[band], borough),
        "seasonal": label_of(typical * USUAL[band], borough),
    }


def _cases() -> Iterator[Case]:
    for borough in BOROUGHS:
        for band in range(len(BANDS)):
            for day in _DAYS:
                # Twice the usual for a month: the level is what it is, whatever was usual in the training years.
                yield Case("busy_weeks", _example(day, borough, band, month=2.0, week=2.0, now=2.0, weather=_MILD))
                yield Case("calm_weeks", _example(day, borough, band, month=0.3, week=0.3, now=0.3, weather=_MILD))
                # The lockdown began like this: the month was as ever, the week was half of it.
                yield Case("sudden_fall", _example(day, borough, band, month=0.9, week=0.45, now=0.55, weather=_MILD))
            for day in _HOLIDAYS:
                now = 0.9 * _ON_HOLIDAYS[band]
                yield Case("holiday", _example(day, borough, band, month=0.9, week=0.9, now=now, weather=_MILD))
            for storm in _STORMS:
                # Public storms moved counts by -10 to +15 %, within a class.
                yield Case(
                    "storm", _example(_DAYS[0], borough, band, month=0.9, week=0.9, now=0.9, weather=_MILD | storm)
                )
            for day in _FAR_DAYS:
                yield Case("never_seen", _example(day, borough, band, month=0.9, week=0.9, now=0.9, weather=_RECORDS))


CASES = tuple(_cases())
