"""Step of a rollout's loop: reads the alias back, and what both versions did since the step began."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer

from infolens.aws.rollout_ports import rollout_ports
from infolens.codec import from_dict, to_dict
from infolens.rollout.events import CollectEvent
from infolens.usecases.rollout import collect

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn a `CollectEvent` into `Evidence`."""
    asked = from_dict(CollectEvent, event)
    logger.append_keys(task=asked.task, rollout_id=asked.rollout_id)
    evidence = to_dict(collect(rollout_ports(), asked.task, asked.rollout_id, datetime.now(UTC)))
    seen = {name: evidence[name] for name in ("alias", "champion", "candidate", "firing")}
    logger.info("looked", extra=seen | {"step": evidence["record"]["step"]})
    return evidence
