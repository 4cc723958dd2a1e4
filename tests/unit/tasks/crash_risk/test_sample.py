"""The invented city is like the real one where it must be, and repeats for a seed."""

from __future__ import annotations

from collections import Counter

import pytest

from crash_fakes import sample_rows
from infolens.contracts.task import RowRejected
from infolens.rows.nyc_boroughs import borough_at
from infolens.tasks.crash_risk import sample
from infolens.tasks.crash_risk.examples import examples_of
from infolens.tasks.crash_risk.schema import LABELS, SCHEMA


def clean(row) -> dict[str, object]:
    """A sample row as ingest hands it over."""
    bound = SCHEMA.bind(list(row), labelled=True)
    return SCHEMA.clean({name: list(row.values())[position] for name, position in bound.items()})


def test_count_and_days():
    """As many crashes as asked for, spread over whole days; another seed gives another winter and other numbers."""
    rows = sample.rows(5_500, 1)
    by_day = Counter(row["CRASH DATE"] for row in rows)
    assert (len(rows), len(by_day)) == (5_500, 20)
    assert min(by_day.values()) > 150
    other = sample.rows(5_500, 2)
    assert not set(by_day) & {row["CRASH DATE"] for row in other}
    assert not {row["COLLISION_ID"] for row in rows} & {row["COLLISION_ID"] for row in other}


def test_weather_belongs_to_the_crashes():
    """Each day with crashes has its weather, once."""
    days = [row["DATE"] for row in sample.weather_rows(5_500, 1)]
    crashes = {
        SCHEMA.clean({"date": row["CRASH DATE"], "time": "1:00", "borough": "BRONX"})["date"]
        for row in sample.rows(5_500, 1)
    }
    assert len(days) == len(set(days))
    assert set(days) == crashes
    for row in sample.weather_rows(30_000, 3):
        clean(row)


def test_places_lie_in_their_boroughs():
    """Coordinates agree with the borough, and some crashes have no other place."""
    rows = sample.rows(2_000, 1)
    assert all(borough_at(float(r["LATITUDE"]), float(r["LONGITUDE"])) == r["BOROUGH"] for r in rows if r["BOROUGH"])
    sources = Counter(clean(row)["borough_from"] for row in rows)
    assert 80 < sources["coordinates"] < 240
    assert sources["report"] > 1_700


def test_dirt():
    """Of 3,000 rows with a tenth of dirt, about a thirtieth each is refused, repeats, or needs cleaning."""
    rows = sample.rows(3_000, 1, dirt=0.1)
    taken = []
    for row in rows:
        try:
            taken.append(clean(row))
        except RowRejected:
            continue
    assert 60 < 3_000 - len(taken) < 150
    assert 60 < len(taken) - len({SCHEMA.identity(row) for row in taken}) < 150
    text = "".join("".join(row.values()) for row in rows)
    assert all(mark in text for mark in ("NaN", "T00:00:00.000", ".0", " Queens "))


@pytest.mark.parametrize("number", range(len(sample.refused_rows())))
def test_refused_rows(number):
    """Every kind of row that must be refused is refused for its own field."""
    row, field = sample.refused_rows()[number]
    with pytest.raises(RowRejected) as refusal:
        clean(row)
    assert refusal.value.field == field


def test_every_class_occurs():
    """The ruler of the real city fits the invented one: each class has a fair share."""
    made = [example for part in examples_of(sample_rows(15_000)).values() for example in part]
    shares = Counter(str(example["label"]) for example in made)
    assert all(shares[name] > 0.08 * len(made) for name in LABELS)


def test_questions():
    """Some questions know nothing but day, hour and borough; all can be asked."""
    asked = [SCHEMA.check(row) for row in sample.unlabelled(300, 1)]
    assert 20 < sum(len(question) == 3 for question in asked) < 120
