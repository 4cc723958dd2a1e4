"""Statistics over samples, and which samples belong to which metric and period."""

from datetime import UTC, datetime

import pytest

from infolens_localstack.metrics.store import (
    MetricKey,
    MetricStore,
    Point,
    UnknownStatisticError,
    is_statistic,
    ordered,
    samples_of,
    statistic_of,
)

KEY = MetricKey("0", "us-east-1", "N", "Faults", (("task", "news"),))


def samples(*values, at=0):
    """Return high-resolution samples of values at one second."""
    moment = datetime.fromtimestamp(at, UTC)
    return samples_of({"Values": list(values), "StorageResolution": 1, "Timestamp": moment}, now=0.0)


def test_counts_weigh_values():
    """A value with a count stands for that many values."""
    seen = samples_of({"Values": [1.0, 4.0], "Counts": [3.0, 1.0], "StorageResolution": 1}, now=100.0)
    assert [statistic_of(seen, name) for name in ("SampleCount", "Sum", "Average", "p75", "p76")] == [
        4.0,
        7.0,
        1.75,
        1.0,
        4.0,
    ]


def test_statistic_sets_count_but_have_no_percentiles():
    """A statistic set adds to count, sum and extremes; it does not tell percentiles."""
    given = {"SampleCount": 10.0, "Sum": 50.0, "Minimum": 1.0, "Maximum": 9.0}
    seen = samples_of({"StatisticValues": given}, now=0.0)
    assert [statistic_of(seen, name) for name in ("Average", "Minimum", "Maximum", "p50")] == [5.0, 1.0, 9.0, None]


@pytest.mark.parametrize(("statistic", "expected"), [("p0", 1.0), ("p50", 2.0), ("p51", 3.0), ("p100", 4.0)])
def test_percentiles_at_their_borders(statistic, expected):
    """A percentile is the smallest value that so many per cent do not exceed."""
    assert statistic_of(samples(4.0, 1.0, 3.0, 2.0), statistic) == expected


def test_nothing_has_no_statistic():
    """Without samples there is no value, not even a sum of zero."""
    assert [statistic_of([], name) for name in ("Sum", "SampleCount", "p95")] == [None, None, None]


@pytest.mark.parametrize("name", ["tm90", "p101", "p", "average", ""])
def test_unknown_statistics_are_refused(name):
    """A statistic that is not computed is refused instead of answered wrongly."""
    assert not is_statistic(name)
    with pytest.raises(UnknownStatisticError, match="no statistic"):
        statistic_of(samples(1.0), name)


def test_periods_are_cut_at_their_first_second():
    """A sample at a period's first second belongs to it, one at its end to the next."""
    store = MetricStore()
    for second in (9, 10, 19, 20):
        store.add(KEY, samples(1.0, at=second))
    assert store.points(KEY, "Sum", 10, 0, 30) == [Point(0, 1.0), Point(10, 2.0), Point(20, 1.0)]


def test_start_is_rounded_down_and_the_end_is_left_out():
    """A query's start goes down to the minute (or the shorter period), as AWS documents; its end is exclusive."""
    store = MetricStore()
    for second in (60, 119, 120):
        store.add(KEY, samples(1.0, at=second))
    assert store.points(KEY, "Sum", 60, 95, 120) == [Point(60, 2.0)]
    assert store.points(KEY, "Sum", 10, 95, 121) == [Point(110, 1.0), Point(120, 1.0)]


def test_standard_resolution_is_kept_by_the_minute():
    """Without StorageResolution 1 a sample is of its minute."""
    moment = datetime.fromtimestamp(119, UTC)
    assert [s.timestamp for s in samples_of({"Value": 1.0, "Timestamp": moment}, now=0.0)] == [60]
    assert [s.timestamp for s in samples_of({"Value": 1.0, "Timestamp": moment, "StorageResolution": 1}, 0.0)] == [119]


def test_zero_is_a_value():
    """A value of zero is counted."""
    assert statistic_of(samples_of({"Value": 0.0}, now=0.0), "SampleCount") == 1.0


def test_dimensions_are_one_metric_in_any_order():
    """The order of dimensions does not make another metric."""
    given = [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]
    assert ordered(given) == ordered(reversed(given)) == (("a", "1"), ("b", "2"))


def test_units_can_be_asked_for():
    """A unit in a query leaves out what was measured in another."""
    store = MetricStore()
    for unit in ("Seconds", "Milliseconds"):
        store.add(KEY, samples_of({"Value": 1.0, "Unit": unit, "StorageResolution": 1}, now=5.0))
    assert store.units(KEY, 0, 60) == {"Seconds", "Milliseconds"}
    assert store.points(KEY, "Sum", 60, 0, 60, "Seconds") == [Point(0, 1.0)]
    assert store.points(KEY, "Sum", 60, 0, 60) == [Point(0, 2.0)]
