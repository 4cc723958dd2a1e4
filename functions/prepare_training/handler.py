"""First step of the training state machine: from a dataset's id to the ready requests of three jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens import code, codec
from infolens.aws.alias import LambdaAliases
from infolens.aws.objects import S3Objects
from infolens.aws.registry import DynamoRegistry
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.settings import settings
from infolens.usecases.training import Ports, prepare
from infolens.usecases.training_order import Order, TrainingRefusedError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn `{"run_id", "input": {"task", "dataset_id", ...}}` into the state that the machine goes on with."""
    try:
        order = codec.from_dict(Order, {**event["input"], "run_id": event["run_id"]})
    except ValueError as error:  # pydantic's error is one
        metrics.add_metric("TrainingRefused", "Count", 1)
        raise TrainingRefusedError(f"the execution's input is not a training order: {error}") from error
    logger.append_keys(task=order.task, run_id=order.run_id, dataset_id=order.dataset_id)
    ports = Ports(S3Objects(), DynamoRegistry(settings().need("models_table")), LambdaAliases(), settings())
    try:
        prepared = prepare(order, code.sources(*code.places()), ports)
    except TrainingRefusedError as refusal:
        metrics.add_metric("TrainingRefused", "Count", 1)
        logger.warning("refused", reason=str(refusal))
        raise
    metrics.add_metric("TrainingRefused", "Count", 0)
    logger.info("prepared", reason=order.reason, code_version=prepared["code_version"], champion=prepared["champion"])
    return prepared
