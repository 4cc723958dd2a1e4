"""Errors of the HTTP API as RFC 9457 problem documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infolens.contracts.prediction import Problem

PROBLEM_JSON = "application/problem+json"


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, problem: Problem) -> None:
        """Keep the `problem`."""
        super().__init__(problem.detail)
        self.problem = problem


def document(problem: Problem, prediction_id: int | None = None) -> str:
    """Give the problem document; members that say nothing are left out (RFC 9457, section 3.1).

    Args:
        problem: what is wrong; `field` and `prediction_id` are our extension members.
        prediction_id: correlation id, where the request got as far as having one.
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
    return json.dumps(members)
