"""Each error has its problem, and those worth another try say when."""

import pytest

from infolens.aws.prediction_memory import IdTakenError, MemoryUnavailableError, UnderWayError
from infolens.aws.predictions import NoModelLiveError
from infolens.contracts.prediction import Problem
from infolens.contracts.task import RowRejected
from infolens.serving.problems import ProblemError
from infolens.serving.refusals import is_ours, problem_of_error, retry_after
from infolens.tasks import UnknownTaskError


@pytest.mark.parametrize(
    ("error", "status", "title", "field"),
    [
        (ProblemError(Problem(415, "Unsupported media type", "x")), 415, "Unsupported media type", ""),
        (RowRejected("text", "is missing"), 422, "Input refused", "text"),
        (UnknownTaskError("x"), 404, "Unknown task", "task"),
        (IdTakenError("x"), 409, "Prediction id taken", "prediction_id"),
        (UnderWayError("x"), 409, "Prediction under way", ""),
        (MemoryUnavailableError("secret"), 503, "Answers cannot be kept", ""),
        (NoModelLiveError("x"), 503, "No model", ""),
        (TimeoutError("no answer within 25 s"), 504, "Model time-out", ""),
        (ValueError("secret"), 500, "Internal error", ""),
        (KeyError("secret"), 500, "Internal error", ""),
    ],
)
def test_problems(error, status, title, field):
    """Status, title and field of each kind of error; what nobody foresaw tells nothing of the inside."""
    problem = problem_of_error(error)
    assert (problem.status, problem.title, problem.field) == (status, title, field)
    assert "secret" not in problem.detail
    assert is_ours(error) == (status == 500)


@pytest.mark.parametrize(
    ("status", "error", "seconds"),
    [
        (429, None, "1"),
        (503, NoModelLiveError("x"), "60"),
        (503, MemoryUnavailableError("x"), "1"),
        (409, UnderWayError("x"), "1"),
        (409, IdTakenError("x"), None),
        (422, RowRejected("text", "x"), None),
        (500, ValueError("x"), None),
    ],
)
def test_retry_after(status, error, seconds):
    """What may succeed later says when; what is wrong stays wrong."""
    assert retry_after(status, error).get("Retry-After") == seconds
