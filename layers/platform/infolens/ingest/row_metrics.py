"""Counts rows by task as embedded metrics, so that a dashboard sees how clean the uploads are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from infolens.contracts.prediction import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping


def count_rows(task: str, counts: Mapping[str, int]) -> None:
    """Write one metric line; an invocation may see several tasks, hence a line of its own for each file.

    Args:
        task: the only dimension.
        counts: name of the metric ("RowsIn", "RowsKept", ...) -> rows.
    """
    metrics = AmazonCloudWatchEMFProvider(namespace=METRIC_NAMESPACE)
    metrics.service = ""  # or powertools makes the function's name a dimension too, and (task) alone finds nothing
    metrics.add_dimension("task", task)
    for name, rows in counts.items():
        metrics.add_metric(name, MetricUnit.Count, rows)
    metrics.flush_metrics()
