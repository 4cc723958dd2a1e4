"""The route by which labels come in: checked, kept once, and answered with what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.contracts.prediction import Problem
from infolens.serving.problems import ProblemError
from infolens.serving.request_body import split_id
from infolens.usecases.feedback import Outcome, SeveralTasksError, Told, UnknownPredictionError

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, object, str], Told]
    """Takes a label: prediction id, label, task or ""."""


def answer_to(members: dict[str, object], tell: Tell) -> tuple[int, dict[str, object]]:
    """Take a label out of a request -> status and body.

    Args:
        members: the request's JSON object; members beside `prediction_id`, `label` and `task` are ignored.
        tell: keeps the label.

    Raises:
        ProblemError: 404 unknown prediction, 422 a member is missing or wrong.
        RowRejected: it is no label of the task.
    """
    body = split_id(members)
    if body.prediction_id is None:
        raise _refused("prediction_id", "is missing; the id of the prediction that the label is about is needed")
    if "label" not in body.payload:
        raise _refused("label", "is missing; what the answer should have been is needed")
    task = body.payload.get("task", "")
    if not isinstance(task, str):
        raise _refused("task", "must be the name of a task")
    try:
        told = tell(str(body.prediction_id), body.payload["label"], task)
    except UnknownPredictionError as error:
        detail = f"{error}; answers are known some seconds after they are given: ask again, or name the task"
        raise ProblemError(Problem(404, "Unknown prediction", detail, "prediction_id")) from error
    except SeveralTasksError as error:
        raise _refused("task", str(error)) from error
    document = {
        "prediction_id": body.prediction_id,
        "task": told.task,
        "label": told.label,
        "outcome": told.outcome.value,
    }
    return (202 if told.outcome is Outcome.AWAITING else 200), document


def _refused(field: str, reason: str) -> ProblemError:
    return ProblemError(Problem(422, "Input refused", f"{field}: {reason}", field))
