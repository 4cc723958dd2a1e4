"""What passes between the API, the batch function and a task's predict function."""

from __future__ import annotations

from dataclasses import dataclass

METRIC_NAMESPACE = "InfoLens"
"""Embedded metrics of the predict functions; dimensions `task` and `model_version`."""

METRIC_FAULTS = "Faults"
"""1 for a request answered with a 5xx, 0 for every other: Average is the error rate, SampleCount the requests."""

METRIC_LATENCY = "Latency"
"""Milliseconds inside the handler of warm requests; cold ones are counted apart, a fresh canary has more of them."""

METRIC_COLD_LATENCY = "ColdLatency"
"""Milliseconds inside the handler of the first request of an execution environment."""

METRIC_GB_SECONDS = "GbSeconds"
"""What Lambda bills for an answer, the init phase before a first one included; Average is the cost of an answer."""

METRIC_INIT = "InitTime"
"""Milliseconds of the init phase, with the first answer after it: SampleCount is the number of cold starts."""

METRIC_RESTORES = "Restores"
"""1 for the first answer of an environment that came from a snapshot."""


@dataclass(frozen=True)
class Problem:
    """An error a caller can act on, after RFC 9457."""

    status: int
    title: str
    detail: str
    field: str = ""
    """The input field that is wrong; "" when it is none."""


@dataclass(frozen=True)
class PredictRequest:
    """One invocation of a task's predict function: one or several inputs of the task's schema."""

    request_id: str
    """Correlation id: the prediction id of an API call, or the id of a batch chunk."""
    inputs: tuple[dict[str, object], ...]
    purpose: str = ""
    """Why the model is asked, see `infolens.contracts.observation`: LIVE, SHADOW, FALLBACK or LOAD."""
    bucket: int | None = None
    """Bucket of a user who is kept on one side of a rollout, see `infolens.rollout.sides`; None without a key."""


@dataclass(frozen=True)
class PredictResponse:
    """The answer of a predict function. `answers[i]` belongs to `inputs[i]`; an answer with "problem" was refused.

    A fault of the model (5xx) gives `status` 500, no answers and the problem; Lambda itself counts that as a success,
    hence the Faults metric.
    """

    status: int
    model_version: str
    """The published version of the Lambda function that answered."""
    dataset_id: str
    run_id: str
    bundle_digest: str
    answers: tuple[dict[str, object], ...]
    problem: Problem | None = None
    cold: bool = False
    """Whether its execution environment had answered nobody before; who measures latency counts it apart."""
