"""CloudWatch's embedded metric format: a log line that names its own metrics. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MetricDatum:
    """One metric under one set of dimensions, as PutMetricData takes it."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    values: tuple[float, ...]
    unit: str
    resolution: int
    timestamp_ms: int


def metrics_in(line: str) -> Iterator[MetricDatum]:
    """Yield the metrics of a log line: each once per dimension set; nothing when the line is no such document."""
    if not line.startswith("{") or '"_aws"' not in line:
        return
    try:
        document = json.loads(line)
    except ValueError:
        return
    described = document.get("_aws") if isinstance(document, dict) else None
    if not isinstance(described, dict):
        return
    timestamp = int(described.get("Timestamp", 0))
    for directive in described.get("CloudWatchMetrics", []):
        for metric in directive.get("Metrics", []):
            values = _values(document.get(metric["Name"]))
            if not values:
                continue
            for names in directive.get("Dimensions") or [[]]:
                if any(name not in document for name in names):
                    continue  # AWS leaves out a set that names a missing member
                yield MetricDatum(
                    namespace=directive["Namespace"],
                    name=metric["Name"],
                    dimensions=tuple((name, str(document[name])) for name in names),
                    values=values,
                    unit=metric.get("Unit", "None"),
                    resolution=int(metric.get("StorageResolution", 60)),
                    timestamp_ms=timestamp,
                )


def _values(value: Any) -> tuple[float, ...]:  # noqa: ANN401 (JSON)
    numbers = value if isinstance(value, list) else [value]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        return ()
    return tuple(float(number) for number in numbers)
