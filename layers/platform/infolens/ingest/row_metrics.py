"""Counts rows by task as embedded metrics, so that a dashboard sees how clean the uploads are and how fast they go in.

Reasons of rejects are no dimension: there are as many as there are values; they stand in the reports.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from infolens.contracts.prediction import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infolens.contracts.dataset import UploadReport

_UNITS = {"BytesIn": MetricUnit.Bytes, "SecondsToDataset": MetricUnit.Seconds}


def count_rows(task: str, counts: Mapping[str, float]) -> None:
    """Write one metric line; an invocation may see several tasks, hence a line of its own for each file.

    Args:
        task: the only dimension.
        counts: name of the metric ("RowsIn", "RowsKept", ...) -> value.
    """
    metrics = AmazonCloudWatchEMFProvider(namespace=METRIC_NAMESPACE)
    metrics.service = ""  # or powertools makes the function's name a dimension too, and (task) alone finds nothing
    metrics.add_dimension("task", task)
    for name, value in counts.items():
        metrics.add_metric(name, _UNITS.get(name, MetricUnit.Count), value)
    metrics.flush_metrics()


def upload_counts(report: UploadReport) -> dict[str, float]:
    """Give the metrics of one labelled upload; the time to the dataset only when both ends of it are known."""
    counts: dict[str, float] = {
        "RowsIn": report.rows_in,
        "RowsKept": report.rows_kept,
        "RowsDuplicate": report.rows_duplicate,
        "RowsRejected": report.rows_rejected,
        "Conflicts": report.conflicting_labels,
        "NearDuplicates": report.near_duplicates,
        "BytesIn": report.bytes_in,
    }
    seconds = seconds_to_dataset(report)
    return counts if seconds is None else counts | {"SecondsToDataset": seconds}


def seconds_to_dataset(report: UploadReport) -> float | None:
    """Time from the upload until the report was settled; None when one of them is not known."""
    if not (report.uploaded_at and report.settled_at):
        return None
    taken = datetime.fromisoformat(report.settled_at) - datetime.fromisoformat(report.uploaded_at)
    return max(0.0, taken.total_seconds())  # the two clocks belong to different machines
