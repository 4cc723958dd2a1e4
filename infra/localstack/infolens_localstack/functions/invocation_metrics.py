"""What Lambda itself measures of each invocation: AWS/Lambda Invocations, Errors and Duration. Pure."""

import time

from localstack.services.lambda_.api_utils import qualifier_is_alias
from localstack.services.lambda_.invocation.lambda_models import VersionIdentifier

from infolens_localstack.metric_format import MetricDatum


def invocation_metrics(
    version: VersionIdentifier, invoked_arn: str, duration_ms: float, *, is_error: bool
) -> list[MetricDatum]:
    """Return the metrics of one invocation under the three dimension sets that Lambda uses.

    They are FunctionName; with Resource, which names the qualifier that was invoked; and, for an alias, with the
    ExecutedVersion behind it.
    """
    name = ("FunctionName", version.function_name)
    qualifier = invoked_arn.split(":")[7:]
    resource = ("Resource", ":".join([version.function_name, *qualifier]))
    sets = [(name,), (name, resource)]
    if qualifier and qualifier_is_alias(qualifier[0]):
        sets.append((name, resource, ("ExecutedVersion", version.qualifier)))
    values = (
        ("Invocations", 1.0, "Count"),
        ("Errors", float(is_error), "Count"),
        ("Duration", duration_ms, "Milliseconds"),
    )
    now = time.time_ns() // 1_000_000
    return [
        MetricDatum("AWS/Lambda", metric, dimensions, (value,), unit, 60, now)
        for dimensions in sets
        for metric, value, unit in values
    ]
