"""What Lambda says about a failed invocation becomes an answer with a problem, told by codes and never by texts."""

import io
import json

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from infolens import codec
from infolens.aws.predictions import LambdaPredictions, NoModelLiveError
from infolens.contracts.prediction import PredictRequest
from serving_fakes import ANSWERED

REQUEST = PredictRequest("7", ({"text": "Ä text."},))


class FakeLambda:
    """Answers Invoke with what is planted."""

    def __init__(self, payload=b"", *, error="", version="5", raises=None):
        self.payload, self.error, self.version, self.raises = payload, error, version, raises
        self.calls = []

    def invoke(self, **call):
        """See the boto3 client."""
        self.calls.append(call)
        if self.raises:
            raise self.raises
        answer = {"Payload": io.BytesIO(self.payload), "ExecutedVersion": self.version}
        return answer | ({"FunctionError": self.error} if self.error else {})


def client_error(code, status) -> ClientError:
    """An error as boto3 raises it."""
    return ClientError(
        {"Error": {"Code": code, "Message": "planted"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Invoke"
    )


def invoke(functions, **options):
    """Ask."""
    return LambdaPredictions("infolens-predict-", functions).invoke("news_category", REQUEST, **options)


def test_asks_the_alias():
    """The alias live is asked unless a version is named, and the request travels as canonical JSON."""
    functions = FakeLambda(codec.to_json(ANSWERED))
    assert invoke(functions) == ANSWERED
    invoke(FakeLambda(codec.to_json(ANSWERED)))
    assert functions.calls == [
        {"FunctionName": "infolens-predict-news_category", "Qualifier": "live", "Payload": codec.to_json(REQUEST)}
    ]


def test_asks_a_version():
    """The champion is asked by its number."""
    functions = FakeLambda(codec.to_json(ANSWERED))
    invoke(functions, qualifier="4")
    assert functions.calls[0]["Qualifier"] == "4"


@pytest.mark.parametrize(
    ("payload", "status", "detail"),
    [
        ({"errorType": "Sandbox.Timedout", "errorMessage": "..."}, 504, "model version 5 ran out of time"),
        (
            {"errorType": "ModelNotLoadedError", "errorMessage": "x"},
            502,
            "model version 5 failed (ModelNotLoadedError)",
        ),
        ({"errorType": "Runtime.ExitError"}, 502, "model version 5 failed (Runtime.ExitError)"),
        ({"errorMessage": "Task timed out after 3.00 seconds"}, 502, "model version 5 failed (Runtime.Unknown)"),
        ([], 502, "model version 5 failed (Runtime.Unknown)"),
    ],
)
def test_function_errors(payload, status, detail):
    """A function error names the version that executed, so that the champion can be asked instead."""
    response = invoke(FakeLambda(json.dumps(payload).encode(), error="Unhandled"))
    assert (response.status, response.model_version) == (status, "5")
    assert response.problem is not None
    assert response.problem.detail == detail


def test_function_error_without_json():
    """A sandbox that died may leave no JSON at all."""
    assert invoke(FakeLambda(b"", error="Unhandled")).status == 502


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b'{"errorType": "Sandbox.Timedout"}', True),
        (b'{"errorType": "Runtime.ExitError"}', True),
        (b"", True),
        (b'{"errorType": "ModelNotLoadedError"}', False),
    ],
)
def test_silent_faults(payload, told):
    """A version that hung or died could not count its fault, so its caller is told; one that raised has counted."""
    silent = []
    functions = FakeLambda(payload, error="Unhandled")
    predictions = LambdaPredictions("p-", functions, on_silent_fault=lambda *who: silent.append(who))
    predictions.invoke("news_category", REQUEST)
    assert silent == ([("news_category", "5")] if told else [])


def test_good_answers_are_no_faults():
    """Nobody is told of a good answer."""
    silent = []
    functions = FakeLambda(codec.to_json(ANSWERED))
    LambdaPredictions("p-", functions, on_silent_fault=lambda *who: silent.append(who)).invoke("t", REQUEST)
    assert silent == []


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="x"), ConnectTimeoutError(endpoint_url="x")])
def test_time_out_on_our_side(error):
    """A call that takes too long is a 504 of nobody in particular."""
    response = invoke(FakeLambda(raises=error))
    assert (response.status, response.model_version) == (504, "")


def test_nobody_lives():
    """An alias, or a function, that is not there means that no model serves."""
    with pytest.raises(NoModelLiveError, match="no model of news_category serves yet"):
        invoke(FakeLambda(raises=client_error("ResourceNotFoundException", 404)))


def test_too_many():
    """Throttling is not the model's fault."""
    assert invoke(FakeLambda(raises=client_error("TooManyRequestsException", 429))).status == 429


def test_lambda_itself_fails():
    """A service that fails is a 502."""
    assert invoke(FakeLambda(raises=client_error("ServiceException", 500))).status == 502


def test_other_errors_pass():
    """A missing permission is our own mistake and is raised."""
    with pytest.raises(ClientError):
        invoke(FakeLambda(raises=client_error("AccessDeniedException", 403)))
