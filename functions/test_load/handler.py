"""Step of the training state machine: a published version, asked by many at once before it meets users."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens.aws.objects import S3Objects
from infolens.aws.predictions import LambdaPredictions
from infolens.aws.registry import DynamoRegistry
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.serving.time_limits import MODEL_CALL_SECONDS
from infolens.settings import settings
from infolens.tasks import part_of, schema_of
from infolens.usecases.load_test import Load, Ports, Version, put_under_load

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(auto_patch=False)  # a segment for each question would be more work than the question
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn `{"task", "run_id", "version", "bundle_digest"}` into `{"passed", "reason"}`."""
    task, setting = event["task"], settings()
    version = Version(task, event["run_id"], event["version"], event["bundle_digest"])
    logger.append_keys(task=task, run_id=version.run_id, model_version=version.number)
    load = Load(int(setting.need("load_test_users")), float(setting.need("load_test_seconds")))
    ports = Ports(
        objects=S3Objects(),
        registry=DynamoRegistry(setting.need("models_table")),
        predictions=LambdaPredictions(
            setting.need("predict_function_prefix"), read_timeout=MODEL_CALL_SECONDS, connections=load.users
        ),
        schema=schema_of(task),
        models_bucket=setting.need("models_bucket"),
        clock=time.perf_counter,
        pause=time.sleep,
    )
    tested = put_under_load(version, load, part_of(task, "gates").LOAD, ports)
    metrics.add_dimension("task", task)
    metrics.add_metric("LoadRefused", "Count", int(not tested.passed))
    logger.info("asked by many", **asdict(tested))
    return asdict(tested)
