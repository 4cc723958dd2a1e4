"""Behavioural cases cover every borough and band, and their truths are what they say."""

from __future__ import annotations

from collections import Counter
from datetime import date

from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.rows.us_holidays import is_holiday
from infolens.tasks.crash_risk.cases import CASES
from infolens.tasks.crash_risk.schema import LABELS, SCHEMA


def of(suite: str) -> list[dict[str, object]]:
    """Examples of a suite."""
    return [dict(case.example) for case in CASES if case.suite == suite]


def test_enough_of_each():
    """Each suite asks about every borough and band, 40 times or more in all."""
    sizes = Counter(case.suite for case in CASES)
    assert set(sizes) == {"busy_weeks", "calm_weeks", "sudden_fall", "holiday", "storm", "never_seen"}
    assert min(sizes.values()) >= 40
    for suite in sizes:
        assert {(e["borough"], e["hour"]) for e in of(suite)} == {(b, h) for b in BOROUGHS for h in (0, 6, 12, 18)}


def test_questions():
    """Every case can be asked through the API as it stands."""
    for case in CASES:
        known = {name: value for name, value in case.example.items() if name not in {"label", "seasonal"}}
        assert SCHEMA.check(known) == known


def test_busy_is_not_safer_than_calm():
    """In busy weeks the truth is at least as dangerous as in calm ones, band by band."""
    for busy, calm in zip(of("busy_weeks"), of("calm_weeks"), strict=True):
        assert (busy["borough"], busy["hour"], busy["date"]) == (calm["borough"], calm["hour"], calm["date"])
        assert LABELS.index(str(busy["label"])) <= LABELS.index(str(calm["label"]))


def test_holidays():
    """The suite of holidays asks about holidays, the others about other days."""
    for case in CASES:
        assert is_holiday(date.fromisoformat(str(case.example["date"]))) == (case.suite == "holiday")
