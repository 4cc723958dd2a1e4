"""template.yaml keeps to the time limits by which the API waits for its models."""

import re
from pathlib import Path

from infolens.serving import time_limits

TEMPLATE = (Path(__file__).parents[2] / "template.yaml").read_text("utf-8")


def stanza(name):
    """Text of one resource."""
    return re.search(rf"^  {name}:\n(?:    .*\n|\n)+", TEMPLATE, re.MULTILINE)[0]


def predict_stanzas():
    """Names of the resources that serve a task."""
    return re.findall(r"^  (Predict[A-Z]\w+):\n", TEMPLATE, re.MULTILINE)


def timeout_of(name):
    """Seconds that a function may run."""
    return int(re.search(r"^      Timeout: (\d+)", stanza(name), re.MULTILINE)[1])


def test_api_ends_before_api_gateway_gives_up():
    """The API answers, or is ended, within the 29 s of API Gateway."""
    assert timeout_of("Api") == time_limits.API_FUNCTION_SECONDS < 29


def test_models_answer_before_the_api_ends():
    """What waits is always shorter than who waits for it, with time left for the table of predictions."""
    assert time_limits.ANSWER_SECONDS + 2 < time_limits.API_FUNCTION_SECONDS
    assert time_limits.LONGEST_PREDICT_SECONDS < time_limits.MODEL_CALL_SECONDS < time_limits.ANSWER_SECONDS


def test_predict_functions_end_before_the_api_stops_waiting():
    """A version that hangs is ended by Lambda, which names it, before the call of it times out."""
    names = [name for name in predict_stanzas() if not name.endswith(("Logs", "Prefix", "Memory", "Storage"))]
    assert "PredictNewsCategory" in names
    assert {name: timeout_of(name) for name in names if timeout_of(name) > time_limits.LONGEST_PREDICT_SECONDS} == {}


def test_copies_outlast_a_candidate_that_hangs():
    """A batch of copies, each of which takes all the time that a model may, ends before its function does."""
    batch = int(re.search(r"BatchSize: (\d+)", stanza("Shadow"))[1])
    assert batch * time_limits.LONGEST_PREDICT_SECONDS < timeout_of("Shadow")
    visible = int(re.search(r"VisibilityTimeout: (\d+)", stanza("ShadowQueue"))[1])
    assert visible >= 6 * timeout_of("Shadow")
