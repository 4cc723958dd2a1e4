"""Where files of rows to answer enter: S3 events from SQS in, one execution of the state machine for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from infolens import codec
from infolens.aws import executions
from infolens.contracts.batch import BatchOrder
from infolens.contracts.keys import RESULTS_SUFFIX
from infolens.ingest.arrivals import arrivals
from infolens.ingest.identity import upload_id_of
from infolens.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))  # all that it knows would cost 0.4 s of each cold start
processor = BatchProcessor(EventType.SQS)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 - powertools gives a typed dict of SQS
    """Start an execution for every file; only failures of the infrastructure come back for another try."""
    return process_partial_response(event, take, processor, context)


def take(record: SQSRecord) -> None:
    """Start the files of one message; the execution's name makes the same file again harmless."""
    try:
        for arrival in arrivals(record.json_body):
            upload_id = upload_id_of(arrival.source)
            logger.append_keys(task=arrival.task, upload_id=upload_id, key=arrival.source.key)
            if arrival.is_folder or arrival.filename.endswith(RESULTS_SUFFIX):
                logger.info("a folder marker or a results file asks nothing")
                continue
            order = BatchOrder(upload_id, arrival.task, arrival.source, arrival.version_id)
            arn = settings().need("batch_state_machine_arn")
            started = executions.start(arn, upload_id, codec.to_dict(order))
            logger.info("batch started" if started else "batch had been started before")
    except Exception:
        logger.exception("the message will be delivered again", extra={"message_id": record.message_id})
        raise
