"""What CloudWatch knows of one version during one step: requests, faults and warm latency."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil, floor
from typing import TYPE_CHECKING, Any, Protocol

from infolens.aws.clients import client
from infolens.contracts.prediction import METRIC_FAULTS, METRIC_LATENCY, METRIC_NAMESPACE
from infolens.contracts.rollout import Arm
from infolens.rollout.confidence import quantile_bracket
from infolens.rollout.guardrails import ALPHA, LATENCY_QUANTILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PERIODS = (1, 5, 10, 30)
"""Periods below a minute that CloudWatch has for high-resolution metrics."""

_MINUTE = 60
_MAX_POINTS = 180
"""Points asked for per metric while the period is below a minute: exact to 0.6 % of the step. Such periods then reach
back 1.5 hours at most; CloudWatch keeps them for 3
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention)."""

_PERCENTILE_STEP = 100
"""Percentiles are asked for in hundredths of a percent, rounded away from the true quantile."""


class VersionMetrics(Protocol):
    """What use cases need of CloudWatch; fakes keep a dict."""

    def arm(self, task: str, version: str, since: datetime, until: datetime) -> Arm:
        """Sum up what was seen of one version between two times; a missing metric stays None."""


def count_period(since: datetime, until: datetime) -> int:
    """Choose the period for sums: the finest that keeps the answer small."""
    seconds = (until - since).total_seconds()
    return next((period for period in _PERIODS if seconds <= period * _MAX_POINTS), _MINUTE)


def build_count_query(task: str, version: str, since: datetime, until: datetime) -> dict[str, Any]:
    """Build the GetMetricData request for sums and counts, which add up over periods.

    CloudWatch rounds the start down to a whole period, which would count requests of the step before: so it is rounded
    up here, and at most one period of evidence is given away.
    """
    period = count_period(since, until)
    start = ceil(since.timestamp() / period) * period
    dimensions = version_dimensions(task, version)
    return {
        "StartTime": _time(start),
        "EndTime": _time(max(ceil(until.timestamp()), start + period)),
        "MetricDataQueries": [
            _query("requests", METRIC_FAULTS, "SampleCount", period, dimensions),
            _query("faults", METRIC_FAULTS, "Sum", period, dimensions),
            _query("warm", METRIC_LATENCY, "SampleCount", period, dimensions),
            _query("milliseconds", METRIC_LATENCY, "Sum", period, dimensions),
        ],
    }


def build_percentile_query(
    task: str, version: str, since: datetime, until: datetime, percentiles: Mapping[str, str]
) -> dict[str, Any]:
    """Build the GetMetricData request for percentiles, which do not add up: one period covers the whole step.

    The period is a multiple of a minute and starts on one, so that up to 59 s of the version's time before the step
    count as well: the latency of the same version, under another weight.
    """
    start = floor(since.timestamp() / _MINUTE) * _MINUTE
    dimensions = version_dimensions(task, version)
    period = max(1, ceil((until.timestamp() - start) / _MINUTE)) * _MINUTE
    return {
        "StartTime": _time(start),
        "EndTime": _time(start + period),
        "MetricDataQueries": [
            _query(name, METRIC_LATENCY, statistic, period, dimensions) for name, statistic in percentiles.items()
        ],
    }


def percentiles_for(warm_requests: int) -> dict[str, str]:
    """Name the statistics for the p95 and its bounds that so many warm requests allow."""
    wanted = {"p95": "p95"}
    low, high = quantile_bracket(warm_requests, LATENCY_QUANTILE, ALPHA / 2)  # half for each side of a comparison
    if low is not None and floor(low * 100 * _PERCENTILE_STEP) > 0:
        wanted["low"] = f"p{floor(low * 100 * _PERCENTILE_STEP) / _PERCENTILE_STEP:g}"
    if high is not None:
        wanted["high"] = f"p{min(100, ceil(high * 100 * _PERCENTILE_STEP) / _PERCENTILE_STEP):g}"
    return wanted


class CloudWatchMetrics:
    """`VersionMetrics` on CloudWatch."""

    def __init__(self, cloudwatch: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take a boto3 CloudWatch client, or this process's own one."""
        self._cloudwatch = cloudwatch or client("cloudwatch")

    def arm(self, task: str, version: str, since: datetime, until: datetime) -> Arm:
        """See VersionMetrics."""
        counts = {
            name: sum(values) for name, values in self._ask(build_count_query(task, version, since, until)).items()
        }
        warm = int(counts.get("warm", 0))
        percentiles: dict[str, float] = {}
        if warm:
            query = build_percentile_query(task, version, since, until, percentiles_for(warm))
            # One period is one value; should CloudWatch ever cut it in two, the worse half counts.
            percentiles = {name: max(values) for name, values in self._ask(query).items() if values}
        return Arm(
            version=version,
            requests=int(counts.get("requests", 0)),
            faults=int(counts.get("faults", 0)),
            latency_p95_ms=percentiles.get("p95"),
            latency_mean_ms=counts["milliseconds"] / warm if warm else None,
            latency_p95_low_ms=percentiles.get("low"),
            latency_p95_high_ms=percentiles.get("high"),
        )

    def _ask(self, query: dict[str, Any]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        results: Iterable[dict[str, Any]] = (
            result
            for page in self._cloudwatch.get_paginator("get_metric_data").paginate(**query)
            for result in page["MetricDataResults"]
        )
        for result in results:
            found.setdefault(result["Id"], []).extend(result["Values"])
        return found


def version_dimensions(task: str, version: str) -> list[dict[str, str]]:
    """Dimensions of the metrics that one version of a predict function sends."""
    return [{"Name": "model_version", "Value": version}, {"Name": "task", "Value": task}]


def _query(name: str, metric: str, statistic: str, period: int, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": METRIC_NAMESPACE, "MetricName": metric, "Dimensions": dimensions},
            "Period": period,
            "Stat": statistic,
        },
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
