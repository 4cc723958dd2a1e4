"""Three parts become one answer with a status that tells whether all of them are there."""

import pytest

from infolens.serving.info_lens_api import PARTS, request_of, status_of
from infolens.serving.problems import ProblemError


def missing(*statuses):
    """Problems of so many parts."""
    return [{"model": "bart", "status": status} for status in statuses]


@pytest.mark.parametrize(
    ("problems", "status"),
    [
        ((), 200),
        ((503,), 207),
        ((503, 502), 207),
        ((503, 503, 503), 503),
        ((429, 429, 429), 429),
        ((504, 504, 504), 504),
        ((503, 503, 502), 502),
        ((422, 503, 504), 502),
    ],
)
def test_status(problems, status):
    """All there is 200, some 207; with none it is what all three say, or 502 where they differ."""
    assert status_of(missing(*problems)) == status


def test_parts():
    """S0's three members, each from a task of its own, with headers of its own."""
    assert [part.name for part in PARTS] == ["bart", "xln", "bert"]
    assert len({part.task for part in PARTS}) == 3
    assert [part.header for part in PARTS] == ["X-InfoLens-Bart", "X-InfoLens-Xln", "X-InfoLens-Bert"]


def test_every_wrong_member_is_told():
    """Both members wrong: the first one is the field, and the detail has both."""
    with pytest.raises(ProblemError) as caught:
        request_of({"prediction_id": 0, "text": "x" * 49})
    problem = caught.value.problem
    assert (problem.status, problem.field) == (422, "prediction_id")
    assert problem.detail == (
        "prediction_id: must be from 1 to 9007199254740991, not 0; "
        "text: has 49 characters; 50 to 12000 characters are taken"
    )
