"""The door of the training state machine: one training of a task at a time, the others wait or give way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens import codec
from infolens.aws import executions
from infolens.aws.objects import S3Objects
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.settings import settings
from infolens.usecases.training import check_dataset
from infolens.usecases.training_order import Order, TrainingRefusedError
from infolens.usecases.turns import Asking, TurnPorts, take_turn

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer `{"execution", "run_id", "started_at", "input"}` with go, wait (how long, and for whom) or give way."""
    try:
        order = codec.from_dict(Order, {**event["input"], "run_id": event["run_id"]})
    except ValueError as error:  # pydantic's error is one
        metrics.add_metric("TrainingRefused", "Count", 1)
        raise TrainingRefusedError(f"the execution's input is not a training order: {error}") from error
    logger.append_keys(task=order.task, run_id=order.run_id, dataset_id=order.dataset_id)
    known = settings()
    store = S3Objects()
    asking = Asking(order, event["execution"], datetime.fromisoformat(event["started_at"]))
    ports = TurnPorts(
        store,
        known.need("data_bucket"),
        known.need("models_bucket"),
        executions.is_running,
        lambda: datetime.now(UTC),
    )
    try:
        check_dataset(order, store, ports.data_bucket)
        answer = take_turn(asking, ports)
    except TrainingRefusedError as refusal:
        metrics.add_metric("TrainingRefused", "Count", 1)
        logger.warning("refused", reason=str(refusal))
        raise
    logger.info("turn: %s", answer.answer, reason=answer.reason)
    return {"answer": answer.answer, "reason": answer.reason, "seconds": answer.seconds}
