"""Step of a rollout's loop: does what was decided, if the rollout still owns the alias."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens.aws.rollout_ports import rollout_ports
from infolens.codec import from_dict
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.rollout.events import ApplyEvent
from infolens.usecases.rollout import apply

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn an `ApplyEvent` into an `Outcome`."""
    asked = from_dict(ApplyEvent, event)
    logger.append_keys(task=asked.task, rollout_id=asked.rollout_id)
    now = datetime.now(UTC)
    outcome = apply(rollout_ports(), asked.task, asked.rollout_id, asked.decision, now, evidence=asked.evidence)
    metrics.add_dimension("task", asked.task)
    metrics.add_dimension("action", asked.decision.action)
    metrics.add_metric("RolloutAction", "Count", 1)
    logger.info("applied", extra={"action": asked.decision.action, "outcome": asdict(outcome)})
    return asdict(outcome)
