"""First step of a batch: reads the file and writes its rows as chunks, or refuses it whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer

from infolens import codec
from infolens.aws.objects import S3Objects
from infolens.contracts.batch import BatchOrder
from infolens.settings import settings
from infolens.tasks import schema_of
from infolens.usecases.batch import BatchPorts, split_batch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn a `BatchOrder` into a `SplitBatch`."""
    order = codec.from_dict(BatchOrder, event)
    logger.append_keys(task=order.task, upload_id=order.upload_id)
    done = split_batch(order, BatchPorts(S3Objects(), settings().need("data_bucket"), schema_of))
    logger.info("batch %s", done.status, extra={"reason": done.reason})
    return codec.to_dict(done)
