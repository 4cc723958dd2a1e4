"""Where files of rows to answer enter: SQS messages with S3 events in, the messages that have to come again out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from infolens import codec
from infolens.aws.alias import LambdaAliases
from infolens.aws.objects import S3Objects
from infolens.aws.predictions import LambdaPredictions
from infolens.ingest.arrivals import arrivals
from infolens.ingest.identity import upload_id_of
from infolens.ingest.row_metrics import count_rows
from infolens.serving.metrics import count_fault
from infolens.settings import settings
from infolens.tasks import schema_of
from infolens.usecases.batch import BatchPorts, answer_batch
from infolens.usecases.prediction import predict

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from infolens.contracts.prediction import PredictRequest, PredictResponse

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))  # all that it knows would cost 0.4 s of each cold start
processor = BatchProcessor(EventType.SQS)

_PREFIX = settings().need("predict_function_prefix")
# 32 rows take longer than one, and nobody waits at a screen.
_predictions = LambdaPredictions(_PREFIX, read_timeout=60, on_silent_fault=count_fault)
_aliases = LambdaAliases()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 - powertools gives a typed dict of SQS
    """Answer every file that the messages speak of; only failures of the infrastructure come back for another try."""
    return process_partial_response(event, take, processor, context)


def take(record: SQSRecord) -> None:
    """Answer the files of one message."""
    try:
        for arrival in arrivals(record.json_body):
            logger.append_keys(task=arrival.task, upload_id=upload_id_of(arrival.source), key=arrival.source.key)
            if arrival.is_folder:
                logger.info("a folder marker holds no rows")
                continue
            done = answer_batch(arrival, BatchPorts(S3Objects(), schema_of, _ask, time.sleep))
            report = codec.to_dict(done.report)
            if not done.repeated:
                names = {"RowsIn": "in", "RowsAnswered": "answered", "RowsFailed": "failed"}
                count_rows(done.report.task, {name: report[f"rows_{field}"] for name, field in names.items()})
            logger.info("batch %s", done.report.status, extra={"report": report, "repeated": done.repeated})
    except Exception:
        logger.exception("the message will be delivered again", extra={"message_id": record.message_id})
        raise


def _ask(task: str, request: PredictRequest) -> PredictResponse:
    """Ask whoever the alias picks, and the champion where a canary fails."""
    return predict(task, f"{_PREFIX}{task}", request, _predictions, _aliases).response
