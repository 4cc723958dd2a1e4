"""Problem documents have the members of RFC 9457, and none that says nothing."""

from infolens.contracts.prediction import Problem
from infolens.serving.problems import document


def test_all_members():
    """Field and prediction id are members of our own beside the standard ones."""
    assert document(Problem(422, "Input refused", "text: is missing", "text"), 7) == {
        "type": "about:blank",
        "title": "Input refused",
        "status": 422,
        "detail": "text: is missing",
        "field": "text",
        "prediction_id": 7,
    }


def test_no_empty_members():
    """What is not known is left out."""
    assert set(document(Problem(404, "Unknown route", "there is no /x"))) == {
        "type",
        "title",
        "status",
        "detail",
    }


def test_models():
    """Where several models failed, each one's reason is a member of our own."""
    why = {"model": "bart", "status": 503}
    assert document(Problem(503, "No model", "none"), 7, [why])["problems"] == [why]
