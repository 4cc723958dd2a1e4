"""Step of the training state machine: a candidate that passed becomes a published version with a record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens import code
from infolens.aws.objects import S3Objects
from infolens.aws.registry import DynamoRegistry
from infolens.aws.versions import LambdaVersions
from infolens.contracts import keys
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.settings import settings
from infolens.usecases.registration import Candidate, Ports, judged_by_gates, register

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn `{"task", "run_id", "digest", "rollout"}` into the version, and the name and input of its rollout."""
    task, run_id = event["task"], event["run_id"]
    logger.append_keys(task=task, run_id=run_id, bundle_digest=event["digest"])
    setting = settings()
    ports = Ports(
        objects=S3Objects(),
        versions=LambdaVersions(),
        registry=DynamoRegistry(setting.need("models_table")),
        models_bucket=setting.need("models_bucket"),
        function_prefix=setting.need("predict_function_prefix"),
    )
    judged = judged_by_gates(task, run_id, ports)
    candidate = Candidate(task, keys.run_bundle(task, run_id), event["digest"])
    record = register(candidate, judged, ports, datetime.now(UTC))
    metrics.add_dimension("task", task)
    metrics.add_metric("ModelsRegistered", "Count", 1)
    logger.info("registered", model_version=record.version, dataset_id=record.dataset_id)
    return {
        "version": record.version,
        "bundle_digest": record.bundle_digest,
        "rollout_name": f"{code.job_name(run_id)}-v{record.version}",
        "rollout_input": {**event["rollout"], "candidate": record.version},
    }
