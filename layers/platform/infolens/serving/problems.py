"""Errors of the HTTP API as RFC 9457 problem documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.contracts.prediction import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infolens.contracts.prediction import PredictResponse

PROBLEM_JSON = "application/problem+json"


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, problem: Problem) -> None:
        """Keep the `problem`."""
        super().__init__(problem.detail)
        self.problem = problem


def problem_of(response: PredictResponse) -> Problem | None:
    """Say why a predict function's response to one input is no answer; None when it is one."""
    if response.problem is not None or response.status != 200 or not response.answers:
        return response.problem or Problem(502, "Model fault", f"status {response.status} without an answer")
    refused = response.answers[0].get("problem")
    return Problem(**refused) if isinstance(refused, dict) else None


def document(
    problem: Problem, prediction_id: int | None = None, problems: Sequence[dict[str, object]] = ()
) -> dict[str, object]:
    """Give the problem document; members that say nothing are left out (RFC 9457, section 3.1).

    Args:
        problem: what is wrong; `field`, `prediction_id` and `problems` are our extension members.
        prediction_id: correlation id, where the request got as far as having one.
        problems: why each of several models failed.
    """
    members: dict[str, object] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.field:
        members["field"] = problem.field
    if prediction_id is not None:
        members["prediction_id"] = prediction_id
    if problems:
        members["problems"] = list(problems)
    return members
