"""Labels through the API: what is taken, what is refused, and what a caller is told."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_calls import assert_problem, post, send, telling
from infolens.tasks import task_names
from observation_fakes import FakeObservations, champion

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.one_of(
    st.fixed_dictionaries(
        {"prediction_id": st.integers(1, 9), "label": VALUES, "task": st.sampled_from([*task_names(), "", "x"])}
    ).map(json.dumps),
    st.dictionaries(st.sampled_from(["prediction_id", "label", "task", "x"]), VALUES, max_size=4).map(json.dumps),
    VALUES.map(json.dumps),
    st.text(),
    st.none(),
)
LABEL = {"prediction_id": 7, "label": "politics"}


@pytest.fixture
def table():
    """News_category answered prediction 7."""
    made = FakeObservations()
    made.add_answer(champion())
    return made


def tell(table, body):
    """Send a label."""
    return send(post("/feedback", body), tell=telling(table))


def test_a_label_is_taken(table):
    """The caller sees the task that it is about, and the label as it is kept."""
    reply = tell(table, LABEL | {"comment": "ignored"})
    assert reply.status == 200
    assert reply.body == {"prediction_id": 7, "task": "news_category", "label": "Politics", "outcome": "recorded"}


def test_the_same_again_and_a_correction(table):
    """A repeated label is no news; another one stands from now on; both are kept."""
    outcomes = [tell(table, LABEL | {"label": told}).body["outcome"] for told in ("Politics", 1, "Sports", "Politics")]
    assert outcomes[:3] == ["recorded", "same", "corrected"]
    assert len(table.labels) >= 2


def test_a_label_ahead_of_its_answer(table):
    """It is kept for the answer to come, where the task is named."""
    reply = tell(table, {"prediction_id": 8, "label": "Sports", "task": "news_category"})
    assert (reply.status, reply.body["outcome"]) == (202, "awaiting")
    assert_problem(tell(table, {"prediction_id": 8, "label": "Sports"}), 404, field="prediction_id")


def test_an_id_of_several_tasks_needs_the_task(table):
    """S0's three models answer under one id."""
    table.add_answer(replace(champion(), task="fake_news"))
    assert_problem(tell(table, LABEL), 422, field="task")
    assert tell(table, LABEL | {"task": "news_category"}).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label": "Politics"}, "prediction_id"),
        (LABEL | {"prediction_id": "7"}, "prediction_id"),
        (LABEL | {"prediction_id": 0}, "prediction_id"),
        ({"prediction_id": 7}, "label"),
        (LABEL | {"label": "Weather"}, "label"),
        (LABEL | {"label": None}, "label"),
        (LABEL | {"task": 3}, "task"),
    ],
)
def test_what_is_wrong_is_named(table, body, field):
    """A 422 with the member; nothing is kept."""
    assert_problem(tell(table, body), 422, field=field)
    assert table.labels == {}


def test_an_unknown_task_is_a_404(table):
    """As on the other routes."""
    assert_problem(tell(table, LABEL | {"task": "weather"}), 404, title="Unknown task", field="task")


@given(body=BODIES)
def test_any_body_is_the_callers_problem(body):
    """Whatever is sent, no fault of ours."""
    reply = send(post("/feedback", body))
    assert reply.status == 202 or 400 <= reply.status < 500
