"""Reads the body of a prediction request; whatever is wrong with it becomes a problem that names field and limit."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass

from infolens.contracts.prediction import Problem
from infolens.serving.problems import ProblemError

MAX_BODY_BYTES = 256 * 1024
"""The longest text (S0-30: 12,000 characters) has 48 kB in UTF-8, and 72 kB as JSON escapes."""

MAX_PREDICTION_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""

JSON = "application/json"


@dataclass(frozen=True)
class PredictionBody:
    """A request body that is JSON and whose id, if any, is one."""

    prediction_id: int | None
    payload: dict[str, object]
    """All other members: the task's own input, not yet checked by its schema."""


def split_id(read: dict[str, object]) -> PredictionBody:
    """Take the id, which may be missing, out of the body of a task's own route.

    Raises:
        ProblemError: 422 prediction_id is no positive integer.
    """
    payload = {name: value for name, value in read.items() if name != "prediction_id"}
    prediction_id = read.get("prediction_id")
    if prediction_id is None:
        return PredictionBody(None, payload)
    # bool is an int in Python, and true is no id.
    if not isinstance(prediction_id, int) or isinstance(prediction_id, bool):
        raise _bad_id(f"must be a whole number, not {json.dumps(prediction_id)[:60]}")
    if not 0 < prediction_id <= MAX_PREDICTION_ID:
        raise _bad_id(f"must be from 1 to {MAX_PREDICTION_ID}, not {prediction_id}")
    return PredictionBody(prediction_id, payload)


def members(body: str | None, *, is_base64: bool = False) -> dict[str, object]:
    """Read a JSON object: text without half surrogates, finite numbers, no name twice.

    Raises:
        ProblemError: 413 too large, 400 not such an object.
    """
    try:
        read = json.loads(
            _raw(body or "", is_base64=is_base64),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_no_name_twice,
        )
        json.dumps(read, ensure_ascii=False).encode()  # half a surrogate pair is JSON, but no text
    except UnicodeError:
        raise _malformed("the body is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise _malformed(f"the body is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise _malformed('the body must be a JSON object such as {"prediction_id": 1, "text": "..."}')
    return read


def must_be_json(content_type: str) -> None:
    """Refuse a body that says it is something else than JSON; one that says nothing is read as JSON.

    Raises:
        ProblemError: 415.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind != JSON and not kind.endswith("+json"):
        raise ProblemError(
            Problem(415, "Unsupported media type", f"the body is {kind[:60]!r}; send it as Content-Type: {JSON}")
        )


def _raw(body: str, *, is_base64: bool) -> bytes:
    try:
        raw = base64.b64decode(body, validate=True) if is_base64 else body.encode()
    except ValueError:
        raise _malformed("the body is neither text nor base64") from None
    if len(raw) > MAX_BODY_BYTES:
        detail = f"the body has {len(raw)} bytes; at most {MAX_BODY_BYTES} are taken"
        raise ProblemError(Problem(413, "Body too large", detail))
    return raw


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:60]} is too large a number")
    return number


def _no_name_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("an object names a member twice")
    return read


def _malformed(detail: str) -> ProblemError:
    return ProblemError(Problem(400, "Malformed request", detail))


def _bad_id(reason: str) -> ProblemError:
    return ProblemError(Problem(422, "Input refused", f"prediction_id: {reason}", "prediction_id"))
