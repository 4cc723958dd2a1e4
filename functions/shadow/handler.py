"""Where copies of users' questions enter: SQS messages in, each asked of the candidate, its answer given to nobody."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from infolens import codec
from infolens.aws.observations import DynamoObservations
from infolens.aws.predictions import LambdaPredictions
from infolens.aws.rollouts import DynamoRollouts
from infolens.contracts.observation import ShadowQuestion
from infolens.recent import Recent
from infolens.serving.metrics import count_fault
from infolens.serving.time_limits import MODEL_CALL_SECONDS
from infolens.settings import settings
from infolens.tasks import feedback_of
from infolens.usecases.observations import ObservationPorts
from infolens.usecases.shadowing import ShadowPorts, ask_candidate

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
processor = BatchProcessor(EventType.SQS)

_ROLLOUT_SECONDS = 2.0
"""How old the knowledge may be that the rollout still runs: a candidate that was taken back is left alone soon."""

_rollouts = DynamoRollouts(settings().need("rollouts_table"))
_ports = ShadowPorts(
    predictions=LambdaPredictions(
        settings().need("predict_function_prefix"), read_timeout=MODEL_CALL_SECONDS, on_silent_fault=count_fault
    ),
    observations=ObservationPorts(
        observations=DynamoObservations(settings().need("observations_table")),
        rollout_of=Recent(_rollouts.current, _ROLLOUT_SECONDS, time.monotonic).get,
        feedback_of=feedback_of,
    ),
    now=lambda: datetime.now(UTC),
)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 - powertools gives a typed dict of SQS
    """Ask the candidate each question; only those that could not be asked come again."""
    return process_partial_response(event, take, processor, context)


def take(record: SQSRecord) -> None:
    """Ask one question."""
    question = codec.from_json(ShadowQuestion, record.body)
    became = ask_candidate(_ports, question)
    logger.info(
        "copied",
        task=question.task,
        prediction_id=question.prediction_id,
        rollout_id=question.rollout_id,
        model_version=question.version,
        became=became,
    )
