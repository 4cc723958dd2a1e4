"""Where labelled uploads enter: SQS messages with S3 events in, the messages that have to come again out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from infolens import codec
from infolens.aws.ingest_ports import ingest_ports
from infolens.ingest.arrivals import arrivals
from infolens.ingest.identity import upload_id_of
from infolens.ingest.row_metrics import count_rows, upload_counts
from infolens.usecases.ingest import ingest_upload
from infolens.usecases.ingest_ports import HandedOver

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))  # all that it knows would cost 0.4 s of each cold start
processor = BatchProcessor(EventType.SQS)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 - powertools gives a typed dict of SQS
    """Take every upload that the messages speak of; only failures of the infrastructure come back for another try."""
    return process_partial_response(event, take, processor, context)


def take(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Take the uploads of one message."""
    try:
        for arrival in arrivals(record.json_body):
            logger.append_keys(task=arrival.task, upload_id=upload_id_of(arrival.source), key=arrival.source.key)
            if arrival.is_folder:
                logger.info("a folder marker holds no rows")
                continue
            done = ingest_upload(arrival, ingest_ports(lambda_context))
            if isinstance(done, HandedOver):
                logger.info("upload handed over to the state machine", extra={"started": done.started})
                continue
            if not done.repeated:
                count_rows(done.report.task, upload_counts(done.report))
            facts = {"repeated": done.repeated, "training_started": done.training_started}
            logger.info("upload %s", done.report.status, extra={"report": codec.to_dict(done.report), **facts})
    except Exception:
        logger.exception("the message will be delivered again", extra={"message_id": record.message_id})
        raise
