"""Step of the training state machine: the gates speak about a candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from infolens import gates
from infolens.aws.objects import S3Objects
from infolens.contracts.prediction import METRIC_NAMESPACE
from infolens.settings import settings
from infolens.tasks import part_of
from infolens.usecases.judgement import Case, judge_run

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=METRIC_NAMESPACE)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn `{"task", "run_id", "champion": {"bundle_digest"} or null}` into `{"passed", "reason"}`."""
    task, run_id, champion = event["task"], event["run_id"], event["champion"]
    logger.append_keys(task=task, run_id=run_id)
    demands = part_of(task, "gates")
    case = Case(task, run_id, champion["bundle_digest"] if champion else "", demands.GATES, demands.PARITY)
    verdict = judge_run(case, S3Objects(), settings().need("models_bucket"))
    metrics.add_dimension("task", task)
    metrics.add_metric("CandidatesRefused", "Count", int(not verdict.passed))
    logger.info("judged", passed=verdict.passed, reasons=gates.reasons(verdict))
    return {"passed": verdict.passed, "reason": "; ".join(gates.refusals(verdict) or gates.reasons(verdict))}
