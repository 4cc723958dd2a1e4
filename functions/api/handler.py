"""Where HTTP requests enter: API Gateway's events to the routes of `infolens.serving.http_api`."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens.aws.alias import LambdaAliases
from infolens.aws.clients import hurried_client
from infolens.aws.observations import DynamoObservations
from infolens.aws.prediction_memory import DynamoPredictionMemory
from infolens.aws.predictions import LambdaPredictions
from infolens.aws.rollouts import DynamoRollouts
from infolens.aws.shadow_queue import SqsShadowQueue
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.recent import Recent
from infolens.serving.http_api import Ports, build_app
from infolens.serving.metrics import count_answer, count_fault, count_lost_copy
from infolens.serving.request_body import MAX_PREDICTION_ID
from infolens.serving.time_limits import MODEL_CALL_SECONDS
from infolens.settings import settings
from infolens.tasks import feedback_of, task_names
from infolens.usecases.feedback import Said, Told, tell
from infolens.usecases.observations import ObservationPorts
from infolens.usecases.shadowing import Mirror
from infolens.usecases.sides import Sides

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)

_ROLLOUT_SECONDS = 5.0
"""How old the knowledge may be that a candidate wants copies."""

_ALIAS_SECONDS = 1.0
"""How long a user may stay on the side of a weight that was changed."""

_PREFIX = settings().need("predict_function_prefix")


def _lost(task: str, error: Exception) -> None:
    count_lost_copy(task)
    logger.warning("a copy was lost", task=task, exc_info=error)


_rollout_of = Recent(
    DynamoRollouts(settings().need("rollouts_table"), hurried_client("dynamodb")).current,
    _ROLLOUT_SECONDS,
    time.monotonic,
).get
_observations = ObservationPorts(
    DynamoObservations(settings().need("observations_table"), hurried_client("dynamodb")), _rollout_of, feedback_of
)


def _tell(prediction_id: str, label: object, task: str) -> Told:
    return tell(_observations, Said(prediction_id, label, task, datetime.now(UTC)), task_names())


_aliases = LambdaAliases()
_sides = Sides(
    _rollout_of,
    Recent(lambda task: _aliases.read(f"{_PREFIX}{task}"), _ALIAS_SECONDS, time.monotonic).get,
    lambda task, error: logger.warning("no side was chosen", task=task, exc_info=error),
)
_mirror = Mirror(_rollout_of, SqsShadowQueue(settings().need("shadow_queue_url")), _lost)
app = build_app(
    Ports(
        predictions=LambdaPredictions(_PREFIX, read_timeout=MODEL_CALL_SECONDS, on_silent_fault=count_fault),
        alias=_aliases,
        memory=DynamoPredictionMemory(settings().need("predictions_table")),
        function_prefix=_PREFIX,
        new_prediction_id=lambda: secrets.randbelow(MAX_PREDICTION_ID) + 1,
        logger=logger,
        count_answer=count_answer,
        side_of=_sides.choose,
        copying=_mirror.beside,
        tell=_tell,
    )
)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one HTTP request."""
    metrics.add_metric("Requests", "Count", 1)
    return app.resolve(event, context)
