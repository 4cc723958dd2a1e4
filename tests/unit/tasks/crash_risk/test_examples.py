"""Examples count what is covered, know only days before, and are split by time."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from crash_fakes import FIRST, city_day, crash, days, sample_rows, weather, write_part
from infolens.ml.training.job import TrainingError
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.tasks.crash_risk.examples import count, examples, examples_of


def all_of(rows) -> list[dict[str, object]]:
    """Examples of all splits in order."""
    return [example for part in examples_of(rows).values() for example in part]


def at(rows, day: date, borough: str = "QUEENS", hour: int = 12) -> dict[str, object]:
    """The example of one band."""
    return next(e for e in all_of(rows) if (e["date"], e["borough"], e["hour"]) == (day.isoformat(), borough, hour))


def test_one_example_per_day_borough_and_band():
    """Six days of history and four more make 4 (plus the sixth) x 5 x 4 examples, each counted by itself."""
    made = all_of(days(10))
    assert len(made) == 5 * 5 * 4
    assert {example["crashes"] for example in made} == {6}
    assert [(e["date"], e["borough"], e["hour"]) for e in made] == sorted(
        (e["date"], e["borough"], e["hour"]) for e in made
    )


def test_history_needed():
    """A day with five covered days among the last 28 has examples, one with four has none."""
    assert {example["date"] for example in all_of(days(6))} == {(FIRST + timedelta(days=5)).isoformat()}
    assert all_of(days(5)) == []


def test_history_ends_after_four_weeks():
    """Days more than 28 days back are no recent level."""
    assert all_of(days(5) + city_day(FIRST + timedelta(days=28))) != []
    assert all_of(days(5) + city_day(FIRST + timedelta(days=29))) == []


def test_recent_crashes():
    """What an example knows are means over the days before, of the borough and of the band."""
    rows = days(29)
    today, band = FIRST + timedelta(days=28), 12
    rows += [crash(today - timedelta(days=1), 13, "QUEENS", 9_000_000 + n) for n in range(14)]
    rows += [crash(today - timedelta(days=7), 13, "QUEENS", 9_100_000 + n) for n in range(8)]
    example = at(rows, today, hour=band)
    assert example["daily_crashes_28d"] == pytest.approx(24 + 22 / 28, abs=1e-4)
    assert example["daily_crashes_7d"] == pytest.approx(24 + 22 / 7, abs=1e-4)
    assert example["daily_crashes_1d"] == 24 + 14
    assert example["band_crashes_28d"] == pytest.approx(6 + 22 / 28, abs=1e-4)
    assert example["band_crashes_weekday"] == 6 + 8 / 4
    assert (example["crashes"], example["label"]) == (6, "Somewhat Safe")


def test_a_day_knows_nothing_of_itself_and_later_days():
    """Whatever happens on the day and after it, what the example knows stays the same."""
    today = FIRST + timedelta(days=8)
    quiet = at(days(12), today)
    busy = at(days(12) + city_day(today, each=40) + city_day(today + timedelta(days=1), each=40), today)
    known = set(quiet) - {"crashes", "label", "seasonal"}
    assert {name: quiet[name] for name in known} == {name: busy[name] for name in known}
    assert busy["crashes"] == 6 + 40


def test_held_back_days_are_gaps_and_no_zeros():
    """Without yesterday and the same day last week, means are over the other days, and yesterday is unknown."""
    today = FIRST + timedelta(days=14)
    gone = {(today - timedelta(days=back)).isoformat() for back in (1, 7)}
    example = at([row for row in days(15) if row["date"] not in gone], today)
    assert example["daily_crashes_28d"] == 24
    assert "daily_crashes_1d" not in example
    assert example["band_crashes_weekday"] == 6


def test_a_thin_day_is_not_covered():
    """99 crashes are a thin day, unless a borough has enough by itself; 100 in four boroughs cover the city."""
    thin = FIRST + timedelta(days=6)
    few = [row for row in city_day(thin, each=7) if row["borough"] != "STATEN ISLAND"][:99]
    assert "STATEN ISLAND" not in {e["borough"] for e in all_of(days(6) + few) if e["date"] == thin.isoformat()}
    enough = [*few, crash(thin, 3, "BRONX", 1)]
    covered = [e for e in all_of(days(6) + enough) if e["date"] == thin.isoformat()]
    assert {e["borough"] for e in covered} == set(BOROUGHS)
    assert {e["crashes"] for e in covered if e["borough"] == "STATEN ISLAND"} == {0}


def test_stray_rows():
    """14 crashes of a borough on a day that does not cover the city are strays, 15 are a day of this borough."""
    day = FIRST + timedelta(days=6)
    strays = [crash(day, 8, "QUEENS", number) for number in range(1, 16)]
    assert count(strays[:14]).covered["QUEENS"] == frozenset()
    assert count(strays).covered["QUEENS"] == {day}


def test_a_file_of_one_borough_makes_no_zeros_elsewhere():
    """A day with 200 crashes, all in Queens, says nothing about the other boroughs."""
    day = FIRST + timedelta(days=6)
    made = all_of(days(6) + city_day(day, each=50, boroughs=("QUEENS",)))
    assert {e["borough"] for e in made if e["date"] == day.isoformat()} == {"QUEENS"}


def test_crashes_placed_by_coordinates_are_not_counted():
    """A crash whose borough nobody reported is in no class; one placed by its ZIP code counts."""
    day = FIRST + timedelta(days=6)
    extra = [crash(day, 13, "QUEENS", 1, "coordinates"), crash(day, 13, "QUEENS", 2, "zip")]
    assert at(days(7) + extra, day)["crashes"] == 7


def test_weather_of_the_day():
    """The day's weather is known where a file has it; a missing measurement is missing."""
    day = FIRST + timedelta(days=6)
    example = at([*days(7), weather(day, prcp=0.4, tmin=31.0)], day)
    assert (example["prcp"], example["tmin"]) == (0.4, 31.0)
    assert not {"snow", "tmax", "awnd"} & set(example)


def test_split_by_time():
    """Every training day is before every validation day, and those before every test day; some 70, 15 and 15 %."""
    parts = examples_of(days(60))
    dates = {name: [str(example["date"]) for example in part] for name, part in parts.items()}
    assert max(dates["train"]) < min(dates["validation"])
    assert max(dates["validation"]) < min(dates["test"])
    total = sum(map(len, dates.values()))
    assert [round(len(dates[name]) / total, 1) for name in ("train", "validation", "test")] == [0.7, 0.1, 0.2]


def test_seasonal_class():
    """The baseline is the class that the borough, weekday and band most often had in training, and no later one."""
    rows = [row for n in range(70) for row in city_day(FIRST + timedelta(days=n), each=20 if n % 7 == 6 else 6)]
    parts = examples_of(rows)
    sundays = {e["seasonal"] for part in parts.values() for e in part if e["borough"] == "QUEENS" and _sunday(e)}
    mondays = {e["seasonal"] for part in parts.values() for e in part if e["borough"] == "QUEENS" and not _sunday(e)}
    assert (sundays, mondays) == ({"Somewhat Dangerous"}, {"Somewhat Safe"})
    quiet_end = rows + [row for n in range(70, 82) for row in city_day(FIRST + timedelta(days=n), each=40)]
    assert {e["seasonal"] for e in examples_of(quiet_end)["test"] if e["borough"] == "QUEENS" and _sunday(e)} == sundays


def _sunday(example) -> bool:
    return date.fromisoformat(str(example["date"])).weekday() == 6


def test_read_from_parts(tmp_path):
    """Examples of a dataset's parts, nulls and all, are those of its rows."""
    rows = sample_rows(6_000)
    assert examples(write_part(tmp_path, rows), "test") == examples_of(rows)["test"]


def test_no_parts(tmp_path):
    """A dataset without parts is an error in words."""
    with pytest.raises(TrainingError, match=r"no \.parquet file"):
        examples(tmp_path, "train")


def test_no_rows():
    """No crash, no example."""
    assert examples_of([weather(FIRST, prcp=0.0)]) == {"train": [], "validation": [], "test": []}
