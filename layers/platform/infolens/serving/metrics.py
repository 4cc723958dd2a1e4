"""Embedded metrics of a predict function, with the two dimensions that a rollout asks for and no third."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricResolution, MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from infolens.contracts.observation import LOAD
from infolens.contracts.prediction import METRIC_FAULTS, METRIC_NAMESPACE

if TYPE_CHECKING:
    from infolens.usecases.prediction import Outcome


def two_dimensions() -> AmazonCloudWatchEMFProvider:
    """Make the provider.

    Powertools adds the service's name as a dimension wherever it knows one. CloudWatch keeps a metric per set of
    dimensions, so a question for (task, model_version) would then find nothing, for ever.
    """
    provider = AmazonCloudWatchEMFProvider(namespace=METRIC_NAMESPACE)
    provider.service = ""
    return provider


def metered_version(version: str, event: object) -> str:
    """Value of the dimension `model_version` for one request.

    A load test's requests are counted under a name of their own: a rollout begins seconds later, and its alarms and its
    evidence look at whole periods, which may have begun before it.

    Args:
        version: number of the published version.
        event: the request (`PredictRequest` as plain JSON), as it came.
    """
    return f"{version}-load" if isinstance(event, dict) and event.get("purpose") == LOAD else version


def count_fault(task: str, version: str) -> None:
    """Count a fault for a version that died or hung before it could do so itself: whoever asked it has seen the 5xx."""
    provider = two_dimensions()
    provider.add_dimension("task", task)
    provider.add_dimension("model_version", version)
    provider.add_metric(METRIC_FAULTS, MetricUnit.Count, 1, resolution=MetricResolution.High)
    provider.flush_metrics()


def count_lost_copy(task: str) -> None:
    """Count a copy of a question that did not reach the candidate; its user has not noticed."""
    provider = two_dimensions()
    provider.add_dimension("task", task)
    provider.add_metric("CopiesLost", MetricUnit.Count, 1)
    provider.flush_metrics()


def count_answer(task: str, outcome: Outcome, milliseconds: float) -> None:
    """Count what a user saw of one model through the API, whichever version gave it (S0-35)."""
    provider = two_dimensions()
    provider.add_dimension("task", task)
    provider.add_metric("Fallbacks", MetricUnit.Count, int(outcome.fallback))
    provider.add_metric("FaultsSeen", MetricUnit.Count, int(outcome.response.status >= 500))
    provider.add_metric("ServiceTime", MetricUnit.Milliseconds, milliseconds)
    provider.flush_metrics()
