"""Step of the training state machine: the exported bundle, opened as it will be served, against the trained model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens.aws.objects import S3Objects
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.serving.loading import load_bundle
from infolens.settings import settings
from infolens.tasks import part_of
from infolens.usecases.parity import check_parity

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn `{"task", "run_id", "dataset_id"}` into `{"digest", "passed", "reason"}`."""
    task, run_id, dataset_id = event["task"], event["run_id"], event["dataset_id"]
    logger.append_keys(task=task, run_id=run_id, dataset_id=dataset_id)
    parity = check_parity(
        task,
        run_id,
        dataset_id,
        gate=part_of(task, "gates").PARITY,
        bucket=settings().need("models_bucket"),
        objects=S3Objects(),
        load=load_bundle,
    )
    metrics.add_dimension("task", task)
    metrics.add_metric("ParityRefused", "Count", int(not parity.passed))
    logger.info("compared", **asdict(parity))
    return asdict(parity)
