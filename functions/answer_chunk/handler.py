"""Step of a batch, many at a time: asks the live model for the rows of one chunk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer

from infolens import codec
from infolens.aws.alias import LambdaAliases
from infolens.aws.objects import S3Objects
from infolens.aws.predictions import LambdaPredictions
from infolens.contracts.batch import BatchChunk
from infolens.serving.metrics import count_fault
from infolens.settings import settings
from infolens.usecases.batch_chunk import ChunkPorts, answer_chunk
from infolens.usecases.prediction import predict

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from infolens.contracts.prediction import PredictRequest, PredictResponse

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))

_PREFIX = settings().need("predict_function_prefix")
# 32 rows take longer than one, and nobody waits at a screen.
_predictions = LambdaPredictions(_PREFIX, read_timeout=60, on_silent_fault=count_fault)
_aliases = LambdaAliases()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn a `BatchChunk` into an `AnsweredChunk`; a throttled model is an error that the state machine tries again."""
    chunk = codec.from_dict(BatchChunk, event)
    logger.append_keys(task=chunk.task, upload_id=chunk.upload_id, chunk=chunk.number)
    ports = ChunkPorts(S3Objects(), settings().need("data_bucket"), _ask, time.sleep, time.monotonic)
    done = answer_chunk(chunk, ports)
    logger.info("chunk %s", done.status, extra={"reason": done.reason})
    return codec.to_dict(done)


def _ask(task: str, request: PredictRequest) -> PredictResponse:
    """Ask whoever the alias picks, and the champion where a canary fails."""
    return predict(task, f"{_PREFIX}{task}", request, _predictions, _aliases).response
