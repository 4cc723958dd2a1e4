"""Last step of a large labelled file: its sections become part of the dataset, or it is refused; training starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer

from infolens import codec
from infolens.aws.ingest_ports import ingest_ports
from infolens.contracts.ingest import IngestOrder
from infolens.ingest.row_metrics import count_rows, upload_counts
from infolens.usecases.ingest_steps import commit_upload

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Turn an `IngestOrder` into a `CommittedIngest`."""
    order = codec.from_dict(IngestOrder, event)
    logger.append_keys(task=order.task, upload_id=order.upload_id, key=order.source.key)
    done, ingested = commit_upload(order, ingest_ports(context))
    if ingested and not ingested.repeated:
        count_rows(ingested.report.task, upload_counts(ingested.report))
    facts = {"report": codec.to_dict(ingested.report)} if ingested else {}
    logger.info("upload %s", done.status, extra=facts)
    return codec.to_dict(done)
