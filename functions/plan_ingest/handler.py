"""First step of a large labelled file: says where its sections may begin, or reads one that cannot be cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer

from infolens import codec
from infolens.aws.ingest_ports import ingest_ports
from infolens.contracts.ingest import IngestOrder
from infolens.usecases.ingest_steps import plan_ingest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Turn an `IngestOrder` into a `PlannedIngest`."""
    order = codec.from_dict(IngestOrder, event)
    logger.append_keys(task=order.task, upload_id=order.upload_id, key=order.source.key)
    done = plan_ingest(order, ingest_ports(context))
    logger.info("ingest %s", done.status)
    return codec.to_dict(done)
