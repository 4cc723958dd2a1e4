"""Step of a large labelled file, many at a time: reads one section and leaves its rows, rejects and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer

from infolens import codec
from infolens.aws.ingest_ports import ingest_ports
from infolens.contracts.ingest import IngestSection
from infolens.usecases.ingest_steps import stage_one

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Turn an `IngestSection` into a `StagedIngest`."""
    section = codec.from_dict(IngestSection, event)
    logger.append_keys(task=section.task, upload_id=section.upload_id, section=section.number)
    done = stage_one(section, ingest_ports(context))
    logger.info("section %s", done.status)
    return codec.to_dict(done)
