"""Each gate of fake_news refuses the fault that it is there for."""

import pytest

from infolens.contracts.evaluation import EvaluationReport, ParityReport, Quantisation
from infolens.gates import judge, refusals
from infolens.tasks.fake_news.gates import GATES, PARITY
from infolens.tasks.fake_news.metrics import evaluate

COUNT = 100


def verdict_of(answer):
    """Judge a model that answers `answer(row)` on 50 real articles, half of them marked, and 50 fakes without."""
    plain = [
        {
            "text": f"article {number}",
            "label": "real" if number < 50 else "fake",
            "variant": "",
            "marked": number < 25,
            "article": number,
        }
        for number in range(COUNT)
    ]
    rows = plain + [row | {"variant": "removed" if row["marked"] else "planted"} for row in plain]
    metrics, slices = evaluate(rows, [{"label": answer(row)} for row in rows])
    report = EvaluationReport(
        "fake_news", "run", "data", "digest", COUNT, metrics, slices, "", {}, quantisation=Quantisation("", "none")
    )
    parity = ParityReport("digest", COUNT, 0.0, 0.0, 0.0)
    return refusals(judge(report, parity, GATES, PARITY, bundle_digest="digest", champion_digest=""))


def shows_mark(row):
    """Whether the text as it is sent carries a mark."""
    return row["variant"] == "planted" or (row["marked"] and not row["variant"])


def test_a_model_that_is_right_passes():
    """Whatever mark a text carries."""
    assert verdict_of(lambda row: row["label"]) == ()


def test_one_that_takes_the_mark_for_truth():
    """It is right on every article as it came, and is refused for fakes that bear a mark."""
    reasons = verdict_of(lambda row: "real" if shows_mark(row) else row["label"])
    assert len(reasons) == 1
    assert "marker=planted" in reasons[0]


def test_one_that_needs_the_mark():
    """It is right on every article as it came, and is refused for real texts that have lost theirs."""
    reasons = verdict_of(lambda row: "fake" if row["variant"] == "removed" else row["label"])
    assert len(reasons) >= 1
    assert all("marker=removed" in reason for reason in reasons)


@pytest.mark.parametrize(("wrong", "passes"), [(13, True), (14, False)])
def test_the_floor_of_f1(wrong, passes):
    """37 of 50 fakes found and no false alarm is F1 0.851; one fewer is below S0-39's 0.85."""
    reasons = verdict_of(lambda row: "real" if row["article"] >= COUNT - wrong else row["label"])
    assert (not any(reason.startswith("f1") for reason in reasons)) is passes


def test_one_that_calls_everything_fake():
    """It finds every fake, and is refused for both metrics."""
    reasons = verdict_of(lambda _: "fake")
    assert any(reason.startswith("macro_f1") for reason in reasons)
    assert any(reason.startswith("f1") for reason in reasons)
