"""Federal holidays fall where the law puts them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.tseries.holiday import USFederalHolidayCalendar

from infolens.rows.us_holidays import federal_holidays, is_holiday


@pytest.mark.parametrize(
    "day",
    [
        date(2023, 1, 1),
        date(2023, 1, 2),  # New Year's Day was a Sunday
        date(2021, 12, 31),  # New Year's Day 2022 was a Saturday
        date(2023, 1, 16),
        date(2023, 5, 29),
        date(2023, 6, 19),
        date(2020, 7, 3),
        date(2020, 7, 4),
        date(2022, 11, 24),
        date(2022, 12, 26),
    ],
)
def test_holidays(day):
    """Fixed ones and moving ones, and the weekdays on which those of a weekend are observed."""
    assert is_holiday(day)


@pytest.mark.parametrize(
    "day", [date(2020, 6, 19), date(2023, 5, 22), date(2023, 1, 3), date(2022, 11, 17), date(2023, 12, 31)]
)
def test_other_days(day):
    """Juneteenth before 2021, the last but one Monday of May, and other days near holidays are none."""
    assert not is_holiday(day)


def test_another_calendar():
    """From 2012 to 2040 the days off are those of pandas' calendar; ours has the weekend days themselves besides."""
    ours = {day for year in range(2012, 2041) for day in federal_holidays(year)}
    theirs = {day.date() for day in USFederalHolidayCalendar().holidays("2012-01-01", "2040-12-31")}
    assert theirs <= ours
    assert all(day.weekday() >= 5 for day in ours - theirs)


@given(st.dates(date(2012, 1, 1), date(2099, 12, 31)))
def test_any_year(day):
    """Every year has ten to fourteen such days, all of that year."""
    found = federal_holidays(day.year)
    assert 10 <= len(found) <= 16
    assert {one.year for one in found} == {day.year}
