"""Where a rollout's alarms call: the champion gets all the traffic at once, whatever the state machine is doing.

A failure is raised, so that Lambda calls again; the alarm itself fires only once.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.data_classes import CloudWatchAlarmEvent, event_source

from infolens.aws.alarms import parse_alarm_name
from infolens.aws.rollout_ports import rollout_ports
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.usecases.rollout import take_back

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
@event_source(data_class=CloudWatchAlarmEvent)
def handler(event: CloudWatchAlarmEvent, context: LambdaContext) -> dict[str, object]:  # noqa: ARG001 - Lambda's signature
    """Take back the rollout that the alarm belongs to; without a running one, do nothing and say so."""
    alarm, state = event.alarm_data.alarm_name, event.alarm_data.state
    name = parse_alarm_name(alarm)
    logger.append_keys(task=name.task if name else "", rollout_id=name.rollout_id if name else "", alarm=alarm)
    fired = state.value == "ALARM"
    outcome = take_back(rollout_ports(), alarm, state.reason, datetime.now(UTC)) if fired else None
    metrics.add_dimension("task", name.task if name else "unknown")
    metrics.add_dimension("action", "take_back" if outcome else "take_back_unneeded")
    metrics.add_metric("RolloutAction", "Count", 1)
    logger.info("taken back" if outcome else "no running rollout to take back", extra={"state": state.value})
    return asdict(outcome) if outcome else {"status": "nothing_to_take_back", "alarm": alarm}
