"""Makes the examples of crash_risk from crashes and weather days: one per day, borough and hour band.

What is not covered is no zero: a day counts for a borough only when the files really hold it. The split is by time:
the last days are the test, those before them validation, so that nothing is learned from days after those that it is
asked about.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from infolens.ml.training.parts import read_split
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.rows.split import BY_TIME, SPLITS
from infolens.tasks.crash_risk.schema import BANDS, WEATHER, band_of, label_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

COUNTED = frozenset({"report", "zip"})
"""Crashes whose borough was found by coordinates are kept and not counted: one public file has only crashes with a
reported borough, and with the others counted a day of Queens had 1.4 times as many for being in another file."""

CITY_DAY_CRASHES, CITY_DAY_BOROUGHS = 100, 4
"""A day covers the city from so many crashes in so many boroughs on: thin days of stray rows have up to 77, and a
file of Queens alone has more than 100 a day at times."""

BOROUGH_DAY_CRASHES = 15
"""A day that does not cover the city covers a borough from so many on: stray rows reach 13, the emptiest weeks of the
lockdown have 16 a day in Queens."""

HISTORY_DAYS = 28
"""Four weeks: each weekday four times."""

MIN_HISTORY = 5
"""Covered days that those four weeks must have; without a recent level the example is left out."""

TRAIN_SHARE, VALIDATION_SHARE = 0.70, 0.15
"""Of all examples in the order of days; the rest is the test."""

_WEEKDAYS = 7


@dataclass(frozen=True)
class Counts:
    """Crashes by borough and day."""

    by_band: Mapping[tuple[str, date], Mapping[int, int]]
    """(borough, day) -> first hour of the band -> crashes with a reported borough."""
    covered: Mapping[str, frozenset[date]]
    """Borough -> days whose counts are complete."""

    def band(self, borough: str, day: date, hour: int) -> int:
        """Crashes in one band."""
        return self.by_band.get((borough, day), {}).get(hour, 0)

    def day(self, borough: str, day: date) -> int:
        """Crashes of the whole day."""
        return sum(self.by_band.get((borough, day), {}).values())


def examples(dataset: Path, split: str) -> list[dict[str, object]]:
    """Give the examples of one split ("train", "validation" or "test") in the order of days, boroughs and bands.

    Each holds what the API takes (date, hour, borough, the weather where a file has it, recent crashes where days
    before are covered), the `crashes` there were, their `label`, and `seasonal`, the class that the borough, weekday
    and band most often had in the training part: the baseline to beat, the same for every model.

    Raises:
        TrainingError: the dataset has no part.
    """
    return split_examples(dataset)[split]


def split_examples(dataset: Path) -> dict[str, list[dict[str, object]]]:
    """Give the examples of all splits, as `examples`."""
    rows = read_split(dataset, BY_TIME, ("kind", "date", "time", "borough", "borough_from", *WEATHER))
    return examples_of(rows)


def examples_of(rows: Iterable[Mapping[str, object]]) -> dict[str, list[dict[str, object]]]:
    """Make the examples of clean rows, as `split_examples`; pure."""
    crashes: list[Mapping[str, object]] = []
    weather: dict[str, dict[str, object]] = {}
    for row in rows:
        if row["kind"] == "crash":
            crashes.append(row)
        else:
            weather[str(row["date"])] = {name: row[name] for name in WEATHER if row[name] is not None}
    counts = count(crashes)
    cells = [
        {**cell, **weather.get(str(cell["date"]), {})}
        for day in sorted(set().union(*counts.covered.values()))
        for borough in BOROUGHS
        if day in counts.covered[borough]
        for cell in _cells(counts, borough, day)
    ]
    split = _by_time(cells)
    seasonal = _seasonal(split["train"])
    return {name: [{**cell, "seasonal": seasonal(cell)} for cell in part] for name, part in split.items()}


def count(crashes: Sequence[Mapping[str, object]]) -> Counts:
    """Count crashes by borough, day and band, and find the days that are covered."""
    bands: defaultdict[tuple[str, date], Counter[int]] = defaultdict(Counter)
    total: Counter[date] = Counter()
    boroughs: defaultdict[date, set[str]] = defaultdict(set)
    for crash in crashes:
        day, borough = date.fromisoformat(str(crash["date"])), str(crash["borough"])
        total[day] += 1
        if crash["borough_from"] in COUNTED:
            bands[borough, day][band_of(int(str(crash["time"])[:2]))] += 1
            boroughs[day].add(borough)
    city = {
        day
        for day, crashes_that_day in total.items()
        if crashes_that_day >= CITY_DAY_CRASHES and len(boroughs[day]) >= CITY_DAY_BOROUGHS
    }
    alone: defaultdict[str, set[date]] = defaultdict(set)
    for (borough, day), by_band in bands.items():
        if by_band.total() >= BOROUGH_DAY_CRASHES:
            alone[borough].add(day)
    return Counts(bands, {borough: frozenset(city | alone[borough]) for borough in BOROUGHS})


def _cells(counts: Counts, borough: str, day: date) -> list[dict[str, object]]:
    """Give the bands of one day with what was known before it; none when too little was."""
    before = [
        past
        for past in (day - timedelta(days=n) for n in range(1, HISTORY_DAYS + 1))
        if past in counts.covered[borough]
    ]
    if len(before) < MIN_HISTORY:
        return []
    week = [past for past in before if (day - past).days <= _WEEKDAYS]
    same_weekday = [past for past in before if (day - past).days % _WEEKDAYS == 0]
    yesterday = [past for past in before if (day - past).days == 1]
    whole_days = {
        "daily_crashes_28d": _mean([counts.day(borough, past) for past in before]),
        "daily_crashes_7d": _mean([counts.day(borough, past) for past in week]),
        "daily_crashes_1d": _mean([counts.day(borough, past) for past in yesterday]),
    }
    cells = []
    for hour in BANDS:
        crashes = counts.band(borough, day, hour)
        recent = whole_days | {
            "band_crashes_28d": _mean([counts.band(borough, past, hour) for past in before]),
            "band_crashes_weekday": _mean([counts.band(borough, past, hour) for past in same_weekday]),
        }
        cells.append(
            {
                "date": day.isoformat(),
                "hour": hour,
                "borough": borough,
                **{name: value for name, value in recent.items() if value is not None},
                "crashes": crashes,
                "label": label_of(crashes, borough),
            }
        )
    return cells


def _mean(values: Sequence[int]) -> float | None:
    """Mean, or None of nothing: days that are not covered are missing, not without crashes."""
    return round(sum(values) / len(values), 4) if values else None


def _by_time(cells: Sequence[Mapping[str, object]]) -> dict[str, list[Mapping[str, object]]]:
    """Cut the cells, which are in the order of days, between days."""
    split: dict[str, list[Mapping[str, object]]] = {name: [] for name in SPLITS}
    sizes = Counter(str(cell["date"]) for cell in cells)
    seen, name_of = 0, {}
    for day, size in sizes.items():
        seen += size
        share = seen / len(cells)
        name_of[day] = (
            "train" if share <= TRAIN_SHARE else "validation" if share <= TRAIN_SHARE + VALIDATION_SHARE else "test"
        )
    for cell in cells:
        split[name_of[str(cell["date"])]].append(cell)
    return split


class _seasonal:  # noqa: N801 - used as a function
    """The class that a borough, weekday and band most often had; without a precedent, that of the borough and band."""

    def __init__(self, cells: Sequence[Mapping[str, object]]) -> None:
        self._seen: defaultdict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
        for cell in cells:
            for key in self._keys(cell):
                self._seen[key][str(cell["label"])] += 1

    def __call__(self, cell: Mapping[str, object]) -> str:
        return next((self._seen[key].most_common(1)[0][0] for key in self._keys(cell) if key in self._seen), "Average")

    @staticmethod
    def _keys(cell: Mapping[str, object]) -> tuple[tuple[object, ...], ...]:
        weekday = date.fromisoformat(str(cell["date"])).weekday()
        return (cell["borough"], weekday, cell["hour"]), (cell["borough"], cell["hour"])
