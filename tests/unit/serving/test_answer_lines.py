"""The line of a prediction, from the function that writes it to the one that records it."""

import json

import pytest

from infolens.contracts.observation import MAX_ANSWER_BYTES, SHADOW
from infolens.contracts.prediction import PredictResponse, Problem
from infolens.serving.answer_lines import answer_in, line_of
from infolens.serving.billing import Bill
from infolens.serving.model import Answered
from observation_fakes import FEEDBACK, POLITICS
from serving_fakes import ANSWERED

EVENT = {"request_id": "7", "inputs": [{"text": "x"}]}
BILL = Bill(gb=0.5, gb_seconds=0.4641234, init_milliseconds=900.44, restored=False)
AT = 1_772_366_400_000
REFUSED = {"problem": {"status": 422, "title": "Input refused", "detail": "too short", "field": "text"}}


def answered(*answers, status=200, version="4"):
    """What a model made of a request."""
    problem = None if status == 200 else Problem(status, "Model fault", "it failed")
    return Answered(PredictResponse(status, version, "s", "r", "d", answers, problem), 12.3456, cold=False)


def through_the_log(event, seen):
    """Write the line and read it as it is delivered."""
    line = line_of("news_category", event, seen, FEEDBACK, BILL)
    return answer_in(json.dumps({"message": "answered", **line}), AT)


def test_an_answer_survives_the_log():
    """Version, purpose, answer and time are those of the request."""
    found = through_the_log(EVENT | {"purpose": SHADOW}, answered(POLITICS))
    assert (found.task, found.prediction_id, found.version) == ("news_category", "7", "4")
    assert (found.purpose, found.status, found.null, found.answer) == (SHADOW, 200, False, POLITICS)
    assert (found.milliseconds, found.cold, found.gb, found.at) == (
        12.346,
        False,
        0.5,
        "2026-03-01T12:00:00.000000+00:00",
    )


def test_a_users_bucket_survives_the_log():
    """And a request without one has none."""
    assert through_the_log(EVENT | {"bucket": 17}, answered(POLITICS)).bucket == 17
    assert through_the_log(EVENT | {"bucket": None}, answered(POLITICS)).bucket is None


def test_a_fault_is_recorded_without_an_answer():
    """A question that failed is known, and which version failed on it."""
    found = through_the_log(EVENT, answered(status=500))
    assert (found.failed, found.answer, found.null) == (True, None, False)


def test_an_empty_answer_is_null():
    """Good status, nothing in it."""
    found = through_the_log(EVENT, answered({"label": None}))
    assert (found.status, found.null) == (200, True)


@pytest.mark.parametrize(
    ("event", "seen"),
    [
        (EVENT | {"inputs": [{}, {}]}, answered(POLITICS, POLITICS)),
        (EVENT | {"inputs": [{}, {}]}, answered(status=500)),
        (EVENT | {"request_id": "upload-00001-00"}, answered(POLITICS)),
        (EVENT, answered(REFUSED)),
        (EVENT, answered(status=400)),
        ({}, answered(status=400)),
        ({"inputs": 3}, answered(status=400)),
    ],
    ids=["a batch", "a batch that failed", "a batch's last row", "refused", "malformed", "empty", "no list"],
)
def test_what_is_no_users_question_is_not_recorded(event, seen):
    """Batches, refusals and garbage are logged, but are no evidence about a version."""
    assert through_the_log(event, seen) is None


@pytest.mark.parametrize(("excess", "kept"), [(0, True), (1, False)])
def test_a_long_answer_is_observed_without_its_words(excess, kept):
    """At the limit the answer is kept, past it the observation still counts."""
    frame = len(json.dumps(POLITICS | {"note": ""}).encode())
    given = POLITICS | {"note": "x" * (MAX_ANSWER_BYTES - frame + excess)}
    found = through_the_log(EVENT, answered(given))
    assert (found.answer is not None, found.null) == (kept, False)


@pytest.mark.parametrize("message", ["START RequestId", "", "3", "[]", '{"observed": "yes"}', '{"_aws": {}}'])
def test_other_lines_are_passed_over(message):
    """LocalStack and a wider filter deliver every line of the function."""
    assert answer_in(message, AT) is None


def test_a_good_answer_can_be_traced():
    """The line names dataset, run and bundle."""
    line = line_of("news_category", EVENT, Answered(ANSWERED, 1.0, cold=True), FEEDBACK, BILL)
    assert (line["dataset_id"], line["run_id"], line["bundle_digest"]) == ("data-1", "run-1", "d" * 64)


def test_the_bill_is_in_the_line():
    """Who reads the log knows what each answer cost, and whether a cold start was in it."""
    line = line_of("news_category", EVENT, Answered(ANSWERED, 1.0, cold=True), FEEDBACK, BILL)
    assert (line["gb_seconds"], line["init_milliseconds"], line["restored"]) == (0.464123, 900.4, False)
