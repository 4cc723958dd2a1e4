"""When an alarm alarms: AWS's own tables for missing data, and the borders of a threshold."""

import pytest

from infolens_localstack.metrics.evaluation import AlarmRule, judge
from infolens_localstack.metrics.store import Point


def points(pattern):
    """Return data points of a pattern such as ``0 - X``: not breaching, missing, breaching."""
    values = {"0": 0.0, "X": 2.0}
    return [Point(60 * place, values[mark]) if mark in values else None for place, mark in enumerate(pattern.split())]


def state(pattern, missing, *, periods=3, needed=3):
    """Return the state that follows, "STAY" when the alarm is to stay as it is."""
    rule = AlarmRule(1.0, "GreaterThanThreshold", periods, needed, missing)
    judgement = judge(rule, points(pattern))
    return "STAY" if judgement is None else judgement.state


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("0 - X - X", ("OK", "OK", "OK", "OK")),
        ("0 - - - -", ("OK", "OK", "OK", "OK")),
        ("- - - - -", ("INSUFFICIENT_DATA", "STAY", "ALARM", "OK")),
        ("0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("- - X - -", ("ALARM", "STAY", "ALARM", "OK")),
    ],
)
def test_three_of_three_as_in_the_first_table(pattern, expected):
    """Three of three datapoints: the first table of AWS's documentation, row by row."""
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    assert tuple(state(pattern, treatment) for treatment in treatments) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 - X - -", ("OK", "OK", "ALARM", "OK")),
        ("- - - - 0", ("OK", "OK", "ALARM", "OK")),
        ("- - - X -", ("ALARM", "STAY", "ALARM", "OK")),
    ],
)
def test_two_of_three_as_in_the_second_table(pattern, expected):
    """Two of three datapoints: the second table of AWS's documentation, row by row."""
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    assert tuple(state(pattern, treatment, needed=2) for treatment in treatments) == expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("GreaterThanThreshold", ["OK", "OK", "ALARM"]),
        ("GreaterThanOrEqualToThreshold", ["OK", "ALARM", "ALARM"]),
        ("LessThanThreshold", ["ALARM", "OK", "OK"]),
        ("LessThanOrEqualToThreshold", ["ALARM", "ALARM", "OK"]),
    ],
)
def test_each_comparison_just_under_at_and_just_over_the_threshold(comparison, expected):
    """A comparison decides at its threshold as its name says."""
    rule = AlarmRule(0.05, comparison, 1, 1, "notBreaching")
    assert [judge(rule, [None, None, Point(0, value)]).state for value in (0.049, 0.05, 0.051)] == expected


def test_reason_names_values_threshold_and_how_many_were_needed():
    """The reason tells what was seen, when, and beyond what."""
    rule = AlarmRule(0.5, "GreaterThanThreshold", 2, 2, "notBreaching")
    told = judge(rule, [None, None, Point(1_700_000_000, 0.75), Point(1_700_000_010, 1.0)]).reason
    assert told == (
        "Threshold Crossed: 2 out of the last 2 datapoints [0.75 (14/11/23 22:13:20), 1.0 (14/11/23 22:13:30)] were "
        "greater than the threshold (0.5) (minimum 2 datapoints for OK -> ALARM transition)."
    )


@pytest.mark.parametrize(("periods", "looked_at"), [(1, 3), (3, 5), (6, 8), (9, 12)])
def test_more_periods_are_looked_at_than_evaluated(periods, looked_at):
    """Older points can bridge a gap: some more periods are read than are evaluated."""
    assert AlarmRule(1.0, "GreaterThanThreshold", periods, periods).periods_looked_at == looked_at
