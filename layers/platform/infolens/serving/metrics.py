"""Embedded metrics of a predict function, with the two dimensions that a rollout asks for and no third."""

from __future__ import annotations

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from infolens.contracts.prediction import METRIC_NAMESPACE


def two_dimensions() -> AmazonCloudWatchEMFProvider:
    """Make the provider.

    Powertools adds the service's name as a dimension wherever it knows one. CloudWatch keeps a metric per set of
    dimensions, so a question for (task, model_version) would then find nothing, for ever.
    """
    provider = AmazonCloudWatchEMFProvider(namespace=METRIC_NAMESPACE)
    provider.service = ""
    return provider
