"""Summaries are measured as S0 asks, beside the first three sentences, on all rows and by upload and source."""

import pytest
from rouge_score.rouge_scorer import RougeScorer

from infolens.tasks.news_summary.metrics import evaluate, lead, per_row

ARTICLE = "Millions for boats\n\nIt rained. He came. She left. The ferry line buys nine boats. They sang."
GOOD, BAD = "The ferry line buys nine boats.", "They sang."


def row(summary: str = GOOD, upload: str = "u1", source: str = "") -> dict[str, object]:
    """An example."""
    return {"text": ARTICLE, "summary": summary, "upload_id": upload, "source": source}


def answer(summary: str) -> dict[str, object]:
    """An answer."""
    return {"summary": summary, "kind": "extracted", "sentences": []}


def test_lead():
    """The baseline is the first three sentences behind the headline."""
    assert lead(ARTICLE) == "It rained. He came. She left."
    assert lead("It rained.") == "It rained."


def test_as_the_library_says():
    """ROUGE-1, 2, L are rouge-score's F-measures; the weighted one is 0.2, 0.3 and 0.5 of them."""
    metrics, _ = evaluate([row()], [answer("The line buys boats.")])
    expected = RougeScorer(["rouge1", "rouge2", "rougeL"]).score(GOOD, "The line buys boats.")
    assert metrics["rouge1"] == pytest.approx(expected["rouge1"].fmeasure)
    assert metrics["rouge2"] == pytest.approx(expected["rouge2"].fmeasure)
    assert metrics["rouge_l"] == pytest.approx(expected["rougeL"].fmeasure)
    assert metrics["weighted_rouge"] == pytest.approx(
        0.2 * metrics["rouge1"] + 0.3 * metrics["rouge2"] + 0.5 * metrics["rouge_l"]
    )


def test_over_lead3():
    """What the model gains over the first three sentences of the same rows; those very sentences gain nothing."""
    metrics, _ = evaluate([row(), row()], [answer("Nine boats the ferry line buys."), answer(BAD)])
    assert metrics["rouge_l"] != metrics["rouge1"]
    assert metrics["rouge_l_over_lead3"] == pytest.approx(metrics["rouge_l"] - metrics["lead3_rouge_l"])
    assert evaluate([row()], [answer(lead(ARTICLE))])[0]["rouge_l_over_lead3"] == 0.0


def test_slices():
    """Each upload is measured alone, and each source where editors name one."""
    rows = [row(upload="u1", source="BBC"), row(upload="u2", source="BBC"), row(upload="u2")]
    _, slices = evaluate(rows, [answer(GOOD), answer(BAD), answer(BAD)])
    assert {name: values["rows"] for name, values in slices.items()} == {
        "source=BBC": 2.0,
        "upload=u1": 1.0,
        "upload=u2": 2.0,
    }
    assert slices["upload=u1"]["rouge_l"] == 1.0
    assert slices["upload=u2"]["rouge_l"] < 0.2


def test_per_row():
    """The metric is the mean of the rows' values."""
    rows, answers = [row(), row()], [answer(GOOD), answer(BAD)]
    values = per_row(rows, answers)
    metrics, _ = evaluate(rows, answers)
    assert set(values) == set(metrics)
    assert all(metrics[name] == pytest.approx(sum(column) / 2) for name, column in values.items())


def test_no_rows():
    """Without rows there is no metric: a missing one is not zero."""
    assert evaluate([], []) == ({}, {})


def test_as_many_answers_as_rows():
    """An answer that is missing is an error, not a better mean."""
    with pytest.raises(ValueError, match="shorter"):
        evaluate([row(), row()], [answer(GOOD)])
