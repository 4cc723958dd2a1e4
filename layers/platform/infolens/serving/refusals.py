"""Says what an error means to the caller of the API: a problem, and when it is worth asking again."""

from __future__ import annotations

from infolens.aws.prediction_memory import IdTakenError, MemoryUnavailableError, UnderWayError
from infolens.aws.predictions import NoModelLiveError
from infolens.contracts.prediction import Problem
from infolens.contracts.task import RowRejected
from infolens.serving.problems import ProblemError
from infolens.tasks import UnknownTaskError

_OUR_FAULT = Problem(500, "Internal error", "the request could not be dealt with; the log has the reason")
_RETRY_AFTER = {429: "1", 503: "60"}
"""Seconds, by status, where the error says nothing better."""


def is_ours(error: Exception) -> bool:
    """Whether nobody foresaw this error: it belongs into the log, and nothing of it to the caller."""
    return problem_of_error(error) is _OUR_FAULT


def problem_of_error(error: Exception) -> Problem:  # noqa: PLR0911 - one line per kind of error
    """Turn an error into the problem that the caller gets."""
    match error:
        case ProblemError():
            return error.problem
        case RowRejected():
            return Problem(422, "Input refused", str(error), error.field)
        case UnknownTaskError():
            return Problem(404, "Unknown task", str(error), "task")
        case IdTakenError():
            detail = f"{error}; an id is good for the same text again, and for no other"
            return Problem(409, "Prediction id taken", detail, "prediction_id")
        case UnderWayError():
            return Problem(409, "Prediction under way", f"{error} at this moment; ask again for its answer")
        case MemoryUnavailableError():
            detail = "the answer could not be kept under its id, so none is given; ask again"
            return Problem(503, "Answers cannot be kept", detail)
        case NoModelLiveError():
            return Problem(503, "No model", f"{error}; upload labelled rows, or train and roll out a model first")
        case TimeoutError():
            return Problem(504, "Model time-out", str(error))
        case _:
            return _OUR_FAULT


def retry_after(status: int, error: Exception | None = None) -> dict[str, str]:
    """Give the header Retry-After where the same request may succeed later, else nothing."""
    if isinstance(error, UnderWayError | MemoryUnavailableError):
        return {"Retry-After": "1"}
    return {"Retry-After": _RETRY_AFTER[status]} if status in _RETRY_AFTER else {}
