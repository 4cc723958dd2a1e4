"""Step of a rollout's loop: evidence in, decision out. It may call nothing, and needs no permission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer

from infolens.codec import from_dict, to_dict
from infolens.rollout.decision import decide
from infolens.rollout.evidence import Evidence

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(auto_patch=False)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn `Evidence` into a `Decision`."""
    evidence = from_dict(Evidence, event)
    logger.append_keys(task=evidence.record.task, rollout_id=evidence.record.rollout_id)
    decision = to_dict(decide(evidence))
    logger.info("decided", extra={"decision": decision, "step": evidence.record.step})
    return decision
