"""The gates hold every upload to its floors; each planted fault is refused."""

import pytest

from infolens.contracts.evaluation import EvaluationReport, ParityReport, Quantisation
from infolens.gates import judge, refusals
from infolens.tasks.news_summary.gates import GATES, PARITY


def slice_of(rouge_l: float, over: float, rows: float = 80.0) -> dict[str, float]:
    """Metrics of one upload."""
    return {"rouge_l": rouge_l, "rouge_l_over_lead3": over, "rows": rows}


def told(metrics: dict[str, float], slices: dict[str, dict[str, float]], rows: int = 240) -> tuple[str, ...]:
    """Why a candidate with these numbers is refused; () when it passes."""
    report = EvaluationReport(
        "news_summary",
        "r",
        "d",
        "digest",
        rows,
        metrics,
        AWKWARD | slices,
        "",
        {},
        quantisation=Quantisation("", "none"),
    )
    parity = ParityReport("digest", rows=100, mean_difference=0.0, max_difference=0.0, label_flips=0.0)
    verdict = judge(report, parity, GATES, PARITY, bundle_digest="digest", champion_digest="")
    return tuple(refusals(verdict))


GOOD = {"rouge_l": 0.33, "rouge_l_over_lead3": 0.05}
UPLOADS = {"upload=a": slice_of(0.48, 0.12), "upload=b": slice_of(0.20, 0.0), "upload=c": slice_of(0.33, 0.01)}
AWKWARD = {"cases=awkward": slice_of(0.6, 0.0, 8.0)}


def test_good_one():
    """At the floors themselves a candidate passes."""
    assert told(GOOD, UPLOADS) == ()


@pytest.mark.parametrize(
    ("metrics", "slices", "fault"),
    [
        (GOOD | {"rouge_l": 0.199}, UPLOADS, "rouge_l"),
        (GOOD | {"rouge_l_over_lead3": -0.001}, UPLOADS, "rouge_l_over_lead3"),
        (GOOD, UPLOADS | {"cases=awkward": slice_of(0.59, 0.0, 8.0)}, "rouge_l on cases=awkward"),
        (GOOD, UPLOADS | {"upload=b": slice_of(0.199, 0.01)}, "rouge_l on upload=b"),
        (GOOD, UPLOADS | {"upload=c": slice_of(0.31, -0.001)}, "rouge_l_over_lead3 on upload=c"),
    ],
)
def test_faults(metrics, slices, fault):
    """A number just under its floor, on all rows or on one upload alone, is refused by name."""
    reasons = told(metrics, slices)
    assert len(reasons) == 1
    assert fault in reasons[0]


@pytest.mark.parametrize(("rows", "held"), [(60.0, True), (59.0, False)])
def test_small_uploads(rows, held):
    """An upload with under sixty held-out rows is too small to judge a candidate by."""
    reasons = told(GOOD, UPLOADS | {"upload=d": slice_of(0.1, -0.2, rows)})
    assert bool(reasons) is held


def test_no_upload_is_large_enough():
    """Where no upload has the rows there is no evidence, and no passing."""
    assert told(GOOD, {"upload=a": slice_of(0.5, 0.1, 59.0)})
