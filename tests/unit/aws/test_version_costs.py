"""A version's cost is the sum of what its metrics say, over pages and periods; what is missing is not zero."""

from datetime import UTC, datetime, timedelta

import pytest

from infolens.aws.version_costs import VersionCost, version_cost

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class CloudWatch:
    """Two pages of metric data; keeps what it was asked."""

    def __init__(self, *pages):
        self.pages, self.asked = pages, None

    def get_paginator(self, name):
        """See the boto3 client."""
        assert name == "get_metric_data"
        return self

    def paginate(self, **query):
        """See botocore's Paginator."""
        self.asked = query
        return [{"MetricDataResults": [{"Id": i, "Values": v} for i, v in page.items()]} for page in self.pages]


def test_sums_over_pages_and_periods():
    """1000 requests, 5 of them cold; means are sums over counts, not means of means."""
    cloudwatch = CloudWatch(
        {"requests": [400.0, 100.0], "cold": [5.0], "warm": [395.0, 100.0], "milliseconds": [5000.0, 1950.0]},
        {
            "requests": [500.0],
            "warm": [500.0],
            "milliseconds": [7980.0],
            "inits": [5.0],
            "init": [4500.0],
            "gb": [20.5],
        },
    )
    seen = version_cost(cloudwatch, "news_category", "7", NOON, NOON + timedelta(hours=1))
    assert seen == VersionCost(1000, 5, pytest.approx(15.005025), 900.0, 20.5)


def test_nothing_was_asked():
    """No request and no time: None, since zero milliseconds would be a price."""
    assert version_cost(CloudWatch({}), "t", "7", NOON, NOON + timedelta(hours=1)) == VersionCost(0, 0, None, None, 0.0)


@pytest.mark.parametrize(("hours", "period"), [(1, 60), (24, 60), (24.1, 120), (720, 1800)])
def test_period(hours, period):
    """At most 1440 points of each metric, whole minutes."""
    cloudwatch = CloudWatch({})
    version_cost(cloudwatch, "t", "7", NOON, NOON + timedelta(hours=hours))
    assert {query["MetricStat"]["Period"] for query in cloudwatch.asked["MetricDataQueries"]} == {period}


def test_asks_for_one_version():
    """With the two dimensions that the metrics have."""
    cloudwatch = CloudWatch({})
    version_cost(cloudwatch, "news_category", "7", NOON, NOON + timedelta(hours=1))
    for query in cloudwatch.asked["MetricDataQueries"]:
        assert query["MetricStat"]["Metric"]["Namespace"] == "InfoLens"
        assert query["MetricStat"]["Metric"]["Dimensions"] == [
            {"Name": "model_version", "Value": "7"},
            {"Name": "task", "Value": "news_category"},
        ]
