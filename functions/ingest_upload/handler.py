"""Where labelled uploads enter: SQS messages with S3 events in, the messages that have to come again out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from infolens import codec
from infolens.aws import executions
from infolens.aws.objects import S3Objects
from infolens.code import code_version, training_name
from infolens.ingest.arrivals import arrivals
from infolens.ingest.identity import upload_id_of
from infolens.ingest.row_metrics import count_rows
from infolens.settings import settings
from infolens.tasks import part_of, schema_of
from infolens.usecases.ingest import IngestPorts, ingest_upload

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


def take(record: SQSRecord) -> None:
    """Take the uploads of one message."""
    try:
        for arrival in arrivals(record.json_body):
            logger.append_keys(task=arrival.task, upload_id=upload_id_of(arrival.source), key=arrival.source.key)
            if arrival.is_folder:
                logger.info("a folder marker holds no rows")
                continue
            done = ingest_upload(arrival, _ports())
            report = codec.to_dict(done.report)
            if not done.repeated:
                names = {"RowsIn": "in", "RowsKept": "kept", "RowsDuplicate": "duplicate", "RowsRejected": "rejected"}
                count_rows(done.report.task, {name: report[f"rows_{field}"] for name, field in names.items()})
            facts = {"repeated": done.repeated, "training_started": done.training_started}
            logger.info("upload %s", done.report.status, extra={"report": report, **facts})
    except Exception:
        logger.exception("the message will be delivered again", extra={"message_id": record.message_id})
        raise


def _ports() -> IngestPorts:
    return IngestPorts(
        store=S3Objects(),
        data_bucket=settings().need("data_bucket"),
        schema_of=schema_of,
        min_rows_of=lambda task: part_of(task, "gates").MIN_ROWS,
        start_training=_start_training,
        now=lambda: datetime.now(UTC),
        code_version=code_version(),
    )


def _start_training(task: str, dataset_id: str, code_version: str) -> bool:
    document = {
        "task": task,
        "dataset_id": dataset_id,
        "reason": "a new upload made a new dataset",
        "give_way": True,  # when it has to wait for its turn and a newer upload comes, only the newer one is trained
    }
    arn = settings().need("training_state_machine_arn")
    return executions.start(arn, training_name(task, dataset_id, code_version), document)
