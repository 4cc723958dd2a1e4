"""First step of a rollout: owns the alias, puts on the brakes, and gives the candidate its first share."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens.aws.rollout_ports import rollout_ports
from infolens.codec import from_dict
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.rollout.events import BeginEvent
from infolens.settings import settings
from infolens.usecases.rollout import Request, begin, plan_for

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn a `BeginEvent` into an `Outcome`; a candidate that must not come in is an error that names the reasons."""
    asked = from_dict(BeginEvent, event)
    given = asked.input
    rollout_id = given.rollout_id or asked.execution
    logger.append_keys(task=given.task, rollout_id=rollout_id)
    metrics.add_dimension("task", given.task)
    action = "begin_failed"
    try:
        plan = plan_for(given.task, given.plan, settings().rollout_plan)
        request = Request(given.task, given.candidate, rollout_id, plan, forced=given.forced, who=given.who)
        outcome = begin(rollout_ports(), request, datetime.now(UTC))
        action = "begin"
    finally:
        metrics.add_dimension("action", action)
        metrics.add_metric("RolloutAction", "Count", 1)
    logger.info("rollout began", extra={"outcome": asdict(outcome), "candidate": given.candidate, "who": given.who})
    return asdict(outcome)
