"""What a version's metrics say about its cost: requests, cold starts, time, and the GB-seconds that Lambda bills."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from infolens.aws.metrics import version_dimensions
from infolens.contracts.prediction import (
    METRIC_COLD_LATENCY,
    METRIC_FAULTS,
    METRIC_GB_SECONDS,
    METRIC_INIT,
    METRIC_LATENCY,
    METRIC_NAMESPACE,
)

if TYPE_CHECKING:
    from datetime import datetime

_MINUTE = 60
_MAX_POINTS = 1440
"""Points of each metric: a day by the minute, a month by the half hour."""

_QUERIES = {
    "requests": (METRIC_FAULTS, "SampleCount"),
    "cold": (METRIC_COLD_LATENCY, "SampleCount"),
    "warm": (METRIC_LATENCY, "SampleCount"),
    "milliseconds": (METRIC_LATENCY, "Sum"),
    "inits": (METRIC_INIT, "SampleCount"),
    "init": (METRIC_INIT, "Sum"),
    "gb": (METRIC_GB_SECONDS, "Sum"),
}


@dataclass(frozen=True)
class VersionCost:
    """What one version did in some time, as far as its cost goes."""

    requests: int
    cold_starts: int
    """Requests that were an environment's first."""
    warm_mean_ms: float | None
    """None without a warm request."""
    init_mean_ms: float | None
    """Init phase; None where there was none, or a snapshot was restored instead."""
    gb_seconds: float
    """Billed, all requests together."""


def version_cost(cloudwatch: Any, task: str, version: str, since: datetime, until: datetime) -> VersionCost:  # noqa: ANN401 - a boto3 client
    """Sum up what was seen of one version between two times, minutes begun included."""
    period = max(_MINUTE, ceil((until - since).total_seconds() / _MAX_POINTS / _MINUTE) * _MINUTE)
    dimensions = version_dimensions(task, version)
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": METRIC_NAMESPACE, "MetricName": metric, "Dimensions": dimensions},
                "Period": period,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in _QUERIES.items()
    ]
    found = dict.fromkeys(_QUERIES, 0.0)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        StartTime=since, EndTime=until, MetricDataQueries=queries
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            found[result["Id"]] += sum(result["Values"])
    return VersionCost(
        requests=int(found["requests"]),
        cold_starts=int(found["cold"]),
        warm_mean_ms=found["milliseconds"] / found["warm"] if found["warm"] else None,
        init_mean_ms=found["init"] / found["inits"] if found["inits"] else None,
        gb_seconds=found["gb"],
    )
