"""Labels of classifiers that are told later."""

import pytest

from infolens.contracts.task import RowRejected
from infolens.rows.label_feedback import LabelFeedback

FEEDBACK = LabelFeedback(("Food & Drink", "World news", "Sports"))
ANSWER = {"label_id": 2, "label": "Sports", "confidence": 0.8}


@pytest.mark.parametrize("told", ["World news", "WORLD NEWS", " world_news ", 1, "1"])
def test_a_label_has_one_form(told):
    """Name in any spelling, id as number or text: all are the same label."""
    assert FEEDBACK.check_label(told) == "World news"


@pytest.mark.parametrize("told", [3, -1, "3", "-1", "1.0", "&", "", "Weather", True, None, 1.0, ["Sports"]])
def test_what_is_no_label_is_refused(told):
    """The refusal names the field and what would do."""
    with pytest.raises(RowRejected, match="Food & Drink, World news, Sports, or an id from 0 to 2") as refusal:
        FEEDBACK.check_label(told)
    assert refusal.value.field == "label"


def test_right_and_wrong():
    """The right label scores 1, another one 0, and so does an answer without one."""
    assert FEEDBACK.score(ANSWER, "Sports") == 1.0
    assert FEEDBACK.score(ANSWER, "World news") == 0.0
    assert FEEDBACK.score({}, "Sports") == 0.0


@pytest.mark.parametrize("confidence", [0, 0.0, 1, 1.0])
def test_sure_answers_are_no_null_answers(confidence):
    """Confidence from 0 to 1 is one."""
    assert not FEEDBACK.null(ANSWER | {"confidence": confidence})


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan"), float("inf"), None, "0.8"])
def test_an_answer_without_a_confidence_is_null(confidence):
    """What is no probability is none."""
    assert FEEDBACK.null(ANSWER | {"confidence": confidence})


@pytest.mark.parametrize("label", ["Weather", "", None, 2])
def test_an_answer_without_a_known_label_is_null(label):
    """A label that the task does not have is nothing, and of no kind."""
    assert FEEDBACK.null(ANSWER | {"label": label})
    assert FEEDBACK.kind(ANSWER | {"label": label}) == ""
