"""Where the log lines of predictions enter, off every request's path: each becomes an observation, once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent

from infolens.aws.observations import DynamoObservations
from infolens.aws.rollouts import DynamoRollouts
from infolens.recent import Recent
from infolens.serving.answer_lines import answer_in
from infolens.settings import settings
from infolens.tasks import feedback_of
from infolens.usecases.observations import ObservationPorts, record_answers

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))

_ROLLOUT_SECONDS = 2.0
"""How old the knowledge may be whether a rollout runs."""

_rollouts = DynamoRollouts(settings().need("rollouts_table"))
_ports = ObservationPorts(
    observations=DynamoObservations(settings().need("observations_table")),
    rollout_of=Recent(_rollouts.current, _ROLLOUT_SECONDS, time.monotonic).get,
    feedback_of=feedback_of,
)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001 - Lambda's signature
    """Record the answers among the log lines of one delivery; a delivery that comes again changes nothing."""
    delivered = CloudWatchLogsEvent(event).parse_logs_data()
    lines = [answer_in(line.message, line.timestamp) for line in delivered.log_events]
    answers = [answer for answer in lines if answer is not None]
    count = record_answers(_ports, answers)
    logger.info("recorded", log_group=delivered.log_group, lines=len(lines), answers=count)
    return {"answers": count}
