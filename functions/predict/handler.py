"""Where one task's predict function enters: the pinned model is loaded in the init phase, then asked per request."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricResolution, MetricUnit

from infolens import codec
from infolens.contracts import prediction
from infolens.serving.answer_lines import line_of
from infolens.serving.billing import ON_DEMAND, Bill, bill, process_milliseconds
from infolens.serving.loading import load_pinned, warm_up_inputs
from infolens.serving.metrics import metered_version, two_dimensions
from infolens.serving.model import Answered, ServedModel
from infolens.serving.restoring import forget_connections_after_restore
from infolens.settings import settings
from infolens.tasks import feedback_of, schema_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# No Tracer: importing the X-Ray SDK makes a boto3 client, 0.1 s of each cold start. Lambda's own segment (Tracing:
# Active) shows init and invocation, and nothing is called in between.
logger = Logger()
metrics = Metrics(provider=two_dimensions())

_TASK = settings().need("task")
_FEEDBACK = feedback_of(_TASK)
_model = ServedModel(settings(), schema_of(_TASK), load_pinned, time.perf_counter)
if _trouble := _model.start(warm_up_inputs(_TASK)):
    logger.error("the pinned bundle is not fit to serve", exc_info=_trouble, bundle_digest=settings().bundle_digest)
forget_connections_after_restore(os.environ)
_init_milliseconds = process_milliseconds()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a PredictRequest with a PredictResponse."""
    version = context.function_version
    metrics.add_dimension("task", _TASK)
    metrics.add_dimension("model_version", metered_version(version, event))
    try:
        answered = _model.answer(event, version)
    except Exception:  # ModelNotLoadedError, or a bug: users see a 5xx, so it counts
        _count(prediction.METRIC_FAULTS, 1, MetricUnit.Count)
        raise
    _count(prediction.METRIC_FAULTS, int(answered.fault), MetricUnit.Count)
    latency = prediction.METRIC_COLD_LATENCY if answered.cold else prediction.METRIC_LATENCY
    _count(latency, answered.milliseconds, MetricUnit.Milliseconds)
    billed = bill(
        answered.milliseconds,
        int(context.memory_limit_in_mb),
        cold=answered.cold,
        init_milliseconds=_init_milliseconds,
        initialization=os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", ON_DEMAND),
    )
    _count_bill(billed)
    _log(answered, event, billed)
    return codec.to_dict(answered.response)


def _count(name: str, value: float, unit: MetricUnit) -> None:
    metrics.add_metric(name, unit, value, resolution=MetricResolution.High)


def _count_bill(billed: Bill) -> None:
    """Count what the answer costs, by version as all else; no decision needs it within the minute."""
    metrics.add_metric(prediction.METRIC_GB_SECONDS, MetricUnit.Count, billed.gb_seconds)
    if billed.init_milliseconds:
        metrics.add_metric(prediction.METRIC_INIT, MetricUnit.Milliseconds, billed.init_milliseconds)
    if billed.restored:
        metrics.add_metric(prediction.METRIC_RESTORES, MetricUnit.Count, 1)


def _log(answered: Answered, event: dict[str, Any], billed: Bill) -> None:
    """Write the line that tells who answered what; observations are made from it, and answers traced back by it."""
    line = line_of(_TASK, event, answered, _FEEDBACK, billed)
    if answered.fault:
        logger.error("fault", exc_info=answered.error or False, **line)
    else:
        logger.info("answered", **line)
