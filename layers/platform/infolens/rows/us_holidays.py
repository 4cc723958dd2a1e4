"""US federal holidays by rule (5 U.S.C. 6103), so that no table has to be kept up; pure."""

from __future__ import annotations

import functools
from datetime import date, timedelta

_MONDAY, _THURSDAY = 0, 3
_SATURDAY, _SUNDAY = 5, 6
_JUNETEENTH_SINCE = 2021


@functools.lru_cache(maxsize=256)
def federal_holidays(year: int) -> frozenset[date]:
    """Give the holidays of a year as the calendar has them, with the weekdays on which those of a weekend are observed.

    New Year's Day of the following year may be observed on 31 December of this one.
    """
    fixed = [date(year, 1, 1), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25), date(year + 1, 1, 1)]
    if year >= _JUNETEENTH_SINCE:
        fixed.append(date(year, 6, 19))
    moving = [
        _nth(year, 1, _MONDAY, 3),  # Martin Luther King Jr.
        _nth(year, 2, _MONDAY, 3),  # Washington
        _nth(year, 6, _MONDAY, 1) - timedelta(days=7),  # Memorial Day: the last Monday of May
        _nth(year, 9, _MONDAY, 1),  # Labor Day
        _nth(year, 10, _MONDAY, 2),  # Columbus
        _nth(year, 11, _THURSDAY, 4),  # Thanksgiving
    ]
    return frozenset(day for day in (*fixed, *map(_observed, fixed), *moving) if day.year == year)


def is_holiday(day: date) -> bool:
    """Say whether `day` is a federal holiday, or the weekday on which one is observed."""
    return day in federal_holidays(day.year)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _observed(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == _SUNDAY else day
