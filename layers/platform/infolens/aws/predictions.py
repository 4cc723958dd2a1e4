"""Asks a task's predict function, and turns what Lambda says when that fails into an answer with a problem."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from infolens import codec
from infolens.contracts.prediction import PredictResponse, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.contracts.prediction import PredictRequest

_TIMED_OUT = "Sandbox.Timedout"
_UNKNOWN = "Runtime.Unknown"
"""A sandbox that died may leave no error type."""
_RUNTIME_ERRORS = ("Sandbox.", "Runtime.")
"""Error types that Lambda itself gives; every other one is the class name of an exception that our handler raised."""

LIVE = "live"
"""The alias that belongs to the rollout."""


class NoModelLiveError(LookupError):
    """Nothing serves the task yet: its alias, or the function itself, is not there."""


class Predictions(Protocol):
    """What use cases need of the predict functions; fakes answer from a dict."""

    def invoke(self, task: str, request: PredictRequest, qualifier: str = LIVE) -> PredictResponse:
        """Ask an alias or a version; faults come back as a status of 5xx. Raises NoModelLiveError."""


class LambdaPredictions:
    """`Predictions` on Lambda's synchronous Invoke."""

    def __init__(
        self,
        prefix: str,
        functions: Any = None,  # noqa: ANN401 - a boto3 client has no static type
        *,
        read_timeout: float = 22.0,
        connections: int = 10,
        on_silent_fault: Callable[[str, str], None] | None = None,
    ) -> None:
        """Take the function names' prefix, and a boto3 Lambda client or one of its own.

        Args:
            prefix: name of a predict function less its task.
            functions: a boto3 client.
            read_timeout: seconds to wait for an answer, more than the functions themselves may run, so that one that
                hangs is ended, named and blamed by Lambda. There are no retries: a model that hangs hangs again.
            connections: how many may ask at once without opening a connection for each question.
            on_silent_fault: told (task, version) when the runtime itself ended an invocation (out of time, out of
                memory, crashed): the version could not count that fault, and no alarm would see it.
        """
        self._prefix = prefix
        self._on_silent_fault = on_silent_fault
        self._lambda = functions or boto3.client(
            "lambda",
            config=Config(
                connect_timeout=2,
                read_timeout=read_timeout,
                max_pool_connections=connections,
                retries={"total_max_attempts": 1},
            ),
        )

    def invoke(self, task: str, request: PredictRequest, qualifier: str = LIVE) -> PredictResponse:
        """See Predictions."""
        try:
            answer = self._lambda.invoke(
                FunctionName=f"{self._prefix}{task}", Qualifier=qualifier, Payload=codec.to_json(request)
            )
            payload = answer["Payload"].read()
        except ClientError as error:
            return _refused(error, task)
        except (ReadTimeoutError, ConnectTimeoutError):
            return failed(504, "", "the model did not answer in time")
        version = str(answer.get("ExecutedVersion", ""))
        if answer.get("FunctionError"):
            kind = _error_type(payload)
            if kind.startswith(_RUNTIME_ERRORS) and self._on_silent_fault:
                self._on_silent_fault(task, version)
            return _function_error(kind, version)
        return codec.from_json(PredictResponse, payload)


def failed(status: int, version: str, detail: str) -> PredictResponse:
    """Make the answer of a version ("" when it is not known which) that gave none."""
    titles = {429: "Too many requests", 502: "Model fault", 503: "No model", 504: "Model time-out"}
    return PredictResponse(status, version, "", "", "", (), Problem(status, titles[status], detail))


def _error_type(payload: bytes) -> str:
    try:
        return str(json.loads(payload).get("errorType", _UNKNOWN))
    except (ValueError, AttributeError):
        return _UNKNOWN


def _function_error(kind: str, version: str) -> PredictResponse:
    if kind == _TIMED_OUT:
        return failed(504, version, f"model version {version} ran out of time")
    return failed(502, version, f"model version {version} failed ({kind})")


def _refused(error: ClientError, task: str) -> PredictResponse:
    code = error.response["Error"]["Code"]
    if code == "ResourceNotFoundException":
        raise NoModelLiveError(f"no model of {task} serves yet") from error
    if code == "TooManyRequestsException":
        return failed(429, "", "more predictions are under way than the account allows; try again in a second")
    if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return failed(502, "", f"Lambda could not run the model ({code})")
    raise error
