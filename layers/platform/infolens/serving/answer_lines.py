"""The log line of each prediction: written by a predict function, read by the function that records observations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infolens.contracts.observation import LIVE, MAX_ANSWER_BYTES, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infolens.contracts.observation import Feedback
    from infolens.serving.billing import Bill
    from infolens.serving.model import Answered

OBSERVED = "observed"
"""True in lines that are to be recorded: questions of one user. The template's subscriptions ask for it."""

PATTERN = f"{{ $.{OBSERVED} IS TRUE }}"
"""Filter pattern of the template's subscriptions."""


def line_of(
    task: str, event: Mapping[str, Any], answered: Answered, feedback: Feedback, bill: Bill
) -> dict[str, object]:
    """Say which version answered what, by which an answer is traced back to its bundle, run and dataset.

    Args:
        task: name of the task.
        event: the request (`PredictRequest` as plain JSON), as it came.
        answered: what became of it.
        feedback: says which answers are null.
        bill: what Lambda bills for it.
    """
    response = answered.response
    inputs = event.get("inputs")
    asked = len(inputs) if isinstance(inputs, list | tuple) else 0
    request_id = str(event.get("request_id", ""))
    line: dict[str, object] = {
        "task": task,
        "prediction_id": request_id,
        "purpose": str(event.get("purpose", LIVE)),
        "model_version": response.model_version,
        "dataset_id": response.dataset_id,
        "run_id": response.run_id,
        "bundle_digest": response.bundle_digest,
        "status": response.status,
        "inputs": len(response.answers),
        "refused": sum("problem" in answer for answer in response.answers),
        "milliseconds": round(answered.milliseconds, 3),
        "cold": answered.cold,
        "gb": bill.gb,
        "gb_seconds": round(bill.gb_seconds, 6),
        "init_milliseconds": round(bill.init_milliseconds, 1),
        "restored": bill.restored,
    }
    # A batch asks many rows at once and names them otherwise; what a user may tell a label about has a number.
    if asked != 1 or not _is_number(request_id) or response.status == 400 or line["refused"]:
        return line
    given = response.answers[0] if response.answers else None
    line[OBSERVED] = True
    if isinstance(event.get("bucket"), int):
        line["bucket"] = event["bucket"]
    line["null"] = given is not None and feedback.null(given)
    if given is not None and len(json.dumps(given, ensure_ascii=False).encode()) <= MAX_ANSWER_BYTES:
        line["answer"] = given
    return line


def answer_in(message: str, at_milliseconds: int) -> Answer | None:
    """Read an answer out of a log line; None for every other line.

    Args:
        message: the line.
        at_milliseconds: when it was written, since 1970.
    """
    try:
        line = json.loads(message)
    except ValueError:
        return None
    if not isinstance(line, dict) or line.get(OBSERVED) is not True:
        return None
    return Answer(
        task=str(line["task"]),
        prediction_id=str(line["prediction_id"]),
        version=str(line["model_version"]),
        purpose=str(line["purpose"]),
        status=int(line["status"]),
        null=bool(line["null"]),
        answer=line.get("answer"),
        milliseconds=float(line["milliseconds"]),
        cold=bool(line["cold"]),
        gb=float(line["gb"]),
        bucket=line.get("bucket"),
        at=datetime.fromtimestamp(at_milliseconds / 1000, UTC).isoformat(timespec="microseconds"),
    )


def _is_number(request_id: str) -> bool:
    return request_id.isascii() and request_id.isdecimal()
