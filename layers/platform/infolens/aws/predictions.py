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
    from infolens.contracts.prediction import PredictRequest

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

    def __init__(self, prefix: str, functions: Any = None, *, read_timeout: float = 13.0) -> None:  # noqa: ANN401 - boto3
        """Take the function names' prefix, and a boto3 Lambda client or one of its own.

        Args:
            prefix: name of a predict function less its task.
            functions: a boto3 client.
            read_timeout: seconds to wait for an answer. Twice this, for the champion's turn after a canary that hangs,
                must fit into the 29 s that API Gateway waits. There are no retries: a model that hangs hangs again.
        """
        self._prefix = prefix
        self._lambda = functions or boto3.client(
            "lambda",
            config=Config(connect_timeout=2, read_timeout=read_timeout, retries={"total_max_attempts": 1}),
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
            return _function_error(payload, version)
        return codec.from_json(PredictResponse, payload)


def failed(status: int, version: str, detail: str) -> PredictResponse:
    """Make the answer of a version ("" when it is not known which) that gave none."""
    titles = {429: "Too many requests", 502: "Model fault", 504: "Model time-out"}
    return PredictResponse(status, version, "", "", "", (), Problem(status, titles[status], detail))


def _function_error(payload: bytes, version: str) -> PredictResponse:
    try:
        kind = json.loads(payload).get("errorType", "")
    except (ValueError, AttributeError):
        kind = ""
    # Lambda's own words for a function that ran out of time; every other type is the exception's class name.
    if kind == "Sandbox.Timedout":
        return failed(504, version, f"model version {version} ran out of time")
    return failed(502, version, f"model version {version} failed{f' ({kind})' if kind else ''}")


def _refused(error: ClientError, task: str) -> PredictResponse:
    code = error.response["Error"]["Code"]
    if code == "ResourceNotFoundException":
        raise NoModelLiveError(f"no model of {task} serves yet") from error
    if code == "TooManyRequestsException":
        return failed(429, "", "more predictions are under way than the account allows; try again in a second")
    if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return failed(502, "", f"Lambda could not run the model ({code})")
    raise error
