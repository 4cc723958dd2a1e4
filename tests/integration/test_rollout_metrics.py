"""Metrics of a version: requests that keep to CloudWatch's rules, and answers read from planted pages."""

from datetime import UTC, datetime, timedelta

import pytest

from infolens.aws.metrics import (
    CloudWatchMetrics,
    build_count_query,
    build_percentile_query,
    count_period,
    percentiles_for,
)
from infolens.contracts.rollout import Arm

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeCloudWatch:
    """Answers by statistic, in two pages, as the paginator gives them; keeps what was asked."""

    def __init__(self, values):
        self.values = values
        self.asked = []

    def get_paginator(self, operation):
        """There is one operation."""
        assert operation == "get_metric_data"
        return self

    def paginate(self, **query):
        """Split the values of each query over two pages."""
        self.asked.append(query)
        for part in (slice(0, 1), slice(1, None)):
            yield {
                "MetricDataResults": [
                    {"Id": item["Id"], "Values": self.values.get(item["Id"], [])[part]}
                    for item in query["MetricDataQueries"]
                ]
            }


@pytest.mark.parametrize(
    ("seconds", "period"),
    [(1, 1), (180, 1), (181, 5), (900, 5), (901, 10), (1800, 10), (1801, 30), (5400, 30), (5401, 60), (86_400, 60)],
)
def test_the_period_grows_with_the_step(seconds, period):
    """Under a minute only while CloudWatch still keeps such periods (3 hours)."""
    assert count_period(NOON, NOON + timedelta(seconds=seconds)) == period


def test_requests_of_the_step_before_are_not_counted():
    """The start is rounded up to a whole period, since CloudWatch rounds it down."""
    since = NOON + timedelta(seconds=3, milliseconds=200)
    query = build_count_query("news_category", "2", since, NOON + timedelta(seconds=60))

    assert query["StartTime"] == NOON + timedelta(seconds=4)
    assert query["EndTime"] == NOON + timedelta(seconds=60)


@pytest.mark.parametrize("seconds", [0, 0.5, 1, 90, 4000])
def test_the_end_lies_behind_the_start(seconds):
    """CloudWatch refuses an empty range, and a step may have just begun."""
    since = NOON + timedelta(milliseconds=700)
    query = build_count_query("news_category", "2", since, since + timedelta(seconds=seconds))

    assert query["EndTime"] > query["StartTime"]


@pytest.mark.parametrize(("seconds", "period"), [(0, 60), (30, 60), (31, 120), (7200, 7260)])
def test_one_period_covers_the_whole_step_for_percentiles(seconds, period):
    """They do not add up; the period is a multiple of a minute from a whole minute on."""
    since = NOON + timedelta(seconds=30)
    query = build_percentile_query("news_category", "2", since, since + timedelta(seconds=seconds), {"p95": "p95"})

    assert query["StartTime"] == NOON
    assert query["MetricDataQueries"][0]["MetricStat"]["Period"] == period
    assert query["EndTime"] - query["StartTime"] == timedelta(seconds=period)


def test_the_bounds_of_the_p95_depend_on_the_number_of_warm_requests():
    """Rounded away from the p95: 92.33 down, 97.27 up."""
    assert percentiles_for(1) == {"p95": "p95"}
    assert percentiles_for(30) == {"p95": "p95", "low": "p66.66"}
    assert percentiles_for(1500) == {"p95": "p95", "low": "p92.33", "high": "p97.27"}
    assert percentiles_for(200)["high"] == "p100"


def test_an_arm_sums_the_pages_up():
    """Counts add up over periods and pages; the mean is the sum over the number of warm requests."""
    cloudwatch = FakeCloudWatch(
        {
            "requests": [900.0, 600.0],
            "faults": [1.0, 2.0],
            "warm": [800.0, 700.0],
            "milliseconds": [80_000.0, 70_000.0],
            "p95": [140.0],
            "low": [135.0],
            "high": [160.0],
        }
    )

    arm = CloudWatchMetrics(cloudwatch).arm("news_category", "2", NOON, NOON + timedelta(hours=1))

    assert arm == Arm("2", 1500, 3, 140.0, 100.0, 135.0, 160.0)


def test_the_dimensions_name_task_and_version():
    """Exactly those of the predict functions' metrics: one more or less would find nothing."""
    cloudwatch = FakeCloudWatch({})
    CloudWatchMetrics(cloudwatch).arm("news_category", "2", NOON, NOON + timedelta(hours=1))

    metric = cloudwatch.asked[0]["MetricDataQueries"][0]["MetricStat"]["Metric"]
    assert metric == {
        "Namespace": "InfoLens",
        "MetricName": "Faults",
        "Dimensions": [{"Name": "model_version", "Value": "2"}, {"Name": "task", "Value": "news_category"}],
    }


def test_a_version_that_was_never_seen_has_no_latency():
    """Missing is not zero."""
    arm = CloudWatchMetrics(FakeCloudWatch({})).arm("news_category", "2", NOON, NOON + timedelta(hours=1))

    assert arm == Arm("2", 0, 0, None, None)


def test_a_percentile_that_is_missing_stays_missing():
    """Counts may be there before latencies are."""
    cloudwatch = FakeCloudWatch({"requests": [20.0], "faults": [0.0], "warm": [20.0], "milliseconds": [2000.0]})
    arm = CloudWatchMetrics(cloudwatch).arm("news_category", "2", NOON, NOON + timedelta(minutes=1))

    assert arm == Arm("2", 20, 0, None, 100.0)
