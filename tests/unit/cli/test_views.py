"""What the machinery says, drawn."""

from dataclasses import replace

from cli_fakes import drawn
from infolens.contracts.dataset import BatchReport, Part, UploadRef, UploadReport
from infolens.contracts.evaluation import GateResult, Verdict
from infolens.contracts.load import Failures, Latency, LoadReport, LoadWindow
from infolens.contracts.model import ModelRecord
from infolens.contracts.rollout import AlarmLimits, AliasState, Arm, Guardrails, HistoryEvent, Plan
from infolens_cli import views

SOURCE = UploadRef("uploads", "labelled/news_category/rows.csv", "v1")
PLAN = Plan((20, 100), 15, 3, 120, Guardrails(0.02, 0.01, 1.5, 400.0), AlarmLimits(10, 3, 150.0, 1))


def report(**changes):
    """A report of ten rows."""
    base = {
        "upload_id": "abc",
        "task": "news_category",
        "source": SOURCE,
        "status": "accepted",
        "reason": "",
        "rows_in": 10,
        "rows_kept": 7,
        "rows_duplicate": 2,
        "rows_rejected": 1,
        "rejected_by_reason": {"label: is empty": 1},
        "label_counts": {"Sports": 3, "Business": 4},
        "parts": (Part("p", 7, 1),),
        "dataset_id": "d1",
    }
    return UploadReport(**(base | changes))


def test_a_report_shows_every_count_and_why():
    """The four numbers that add up, and the reasons of the rejects."""
    text = drawn(views.upload_report(report()))
    assert "rows in      10" in text
    assert "1  label: is empty" in text
    assert "Business 4, Sports 3" in text


def test_a_refused_file_says_why():
    """The reason stands beside the status."""
    text = drawn(views.upload_report(report(status="refused", reason="text: no such column", dataset_id="")))
    assert "refused - text: no such column" in text
    assert "dataset" not in text


def test_rejects_are_labelled_with_line_and_reason():
    """An editor finds the row and what is wrong with it."""
    row = {
        "reject_line": "12",
        "reject_column": "label",
        "reject_reason": "'Gardening' is no known category",
        "title": "Roses [in] May",
        "label": "Gardening",
    }
    text = drawn(views.rejects([row], 3))
    assert "the first 1 of 3 rejected rows" in text
    assert "12" in text
    assert "Roses [in] May | Gardening" in text


def test_a_batch_shows_who_answered():
    """Answers by model version."""
    found = BatchReport(
        "abc", "news_category", SOURCE, "answered", "", 3, 2, 1, {"text: is missing": 1}, "results/x.csv", {"2": 2}
    )
    text = drawn(views.batch_report(found))
    assert "2 (version 2: 2)" in text
    assert "1  text: is missing" in text
    assert "s3://uploads/results/x.csv" in text


def test_results_are_cut_to_fit():
    """A long text is one line with an ellipsis."""
    text = drawn(views.result_rows([{"label": "Sports", "text": "x" * 100}], 1))
    assert f"{'x' * 23}…" in text


def test_a_verdict_shows_each_gate():
    """Passed and refused gates with the numbers they saw."""
    text = drawn(
        views.verdict(
            Verdict(False, (GateResult("accuracy", False, "0.61, limit 0.70"), GateResult("parity", True, "0.001")))
        )
    )
    assert "✗ " in text
    assert "0.61, limit 0.70" in text
    assert "✓ " in text


def test_a_problem_names_field_and_limit():
    """A refused request says what to change."""
    body = {"status": 422, "title": "Input refused", "detail": "text: has 3 characters", "field": "text"}
    assert views.problem(body) == "422 Input refused (text): text: has 3 characters"


def test_an_alias_in_words():
    """None, one version, and two."""
    assert views.alias(None) == "no version is live yet"
    assert views.alias(AliasState("3", "", 0, "r")) == "version 3 has 100 %"
    assert views.alias(AliasState("3", "4", 20, "r")) == "version 3 has 80 %, candidate 4 has 20 %"


def test_a_bar_is_as_long_as_its_share():
    """Nothing, half, and no more than all."""
    assert views.bar(0, 4) == "░░░░"
    assert views.bar(50, 4) == "██░░"
    assert views.bar(140, 4) == "████"


EVENT = HistoryEvent(
    "news_category",
    "r1",
    "2026-03-01T12:00:05.000001+00:00",
    "alarm:infolens-rollout.news_category.r1.faults",
    "rolled_back",
    "2",
    "3",
    0,
    ("first reason: " + "x" * 100, "second reason"),
    {},
)


def test_a_history_line_says_who_and_why():
    """The alarm that took a candidate back is named in full, and each reason has a line."""
    text = drawn(views.history([EVENT]))
    for part in ("2026-03-01 12:00:05", "rolled_back", "version 3 against 2, 0 %", ".r1.faults", "    second reason"):
        assert part in text, part


def test_a_brief_history_keeps_one_line_for_each_event():
    """For a look while things happen."""
    text = drawn(views.brief_history([EVENT, EVENT]))
    lines = [line for line in text.splitlines() if "rolled_back" in line]
    assert len(lines) == 2
    assert "faults alarm" in lines[0]
    assert "…" in lines[0]


def test_an_alarm_is_told_by_its_value_and_limit():
    """CloudWatch's own sentence says four times as much."""
    reason = (
        "Threshold Crossed: 1 out of the last 1 datapoints [1785.61 (21/11/26 00:10:50)] was greater than or equal to "
        "the threshold (150.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert views.brief_reason(reason) == "1786, limit 150"
    assert views.brief_reason("aborted by hand") == "aborted by hand"


def test_a_model_that_passed_no_gate_is_marked():
    """What an operator forced stays visible."""
    record = ModelRecord(
        "news_category",
        "3",
        "s3://m/b/",
        "f" * 64,
        "run",
        "d",
        "c",
        {"accuracy": 0.8125},
        False,
        ("forced",),
        "2026-03-01T12:00",
        "operator:ann",
    )
    text = drawn(views.models([record], AliasState("2", "3", 20, "r")))
    assert "20 %" in text
    assert "accuracy 0.812" in text
    assert "operator:ann (past its gates)" in text
    refused = replace(record, verdict_passed=True, load_passed=False)
    assert "operator:ann (refused under load)" in drawn(views.models([refused], AliasState("2", "3", 20, "r")))


def test_a_load_test_in_a_line():
    """The window that counted last, the failures by name, and what was cold apart."""
    slow = LoadWindow(30.5, 62, Latency(60, 900.0, 2797.0, 2900.0), Latency(1, 5.0, 5.0, 5.0), Failures(timed_out=1))
    report = LoadReport("news_category", "run-1", "7", "d" * 64, 50, 30.0, slow, (slow, slow))
    assert views.load(report) == (
        "50 users for 30.5 s, window 2: 2.0 answers a second, p50 900 ms, p95 2797 ms, p99 2900 ms, "
        "failures: 1 timed out; 2 cold ones apart"
    )
    assert views.load(replace(report, windows=())) == "50 users, none of them answered: 1 timed out"


def test_a_missing_metric_is_not_zero():
    """No latency yet is said in words."""
    text = drawn(views.arms(Arm("2", 40, 0, 8.0, 7.0), Arm("3", 0, 0, None, None), PLAN))
    assert "not measured" in text
    assert "no requests" in text
    assert "0 of 15" in text


def test_a_missing_model_is_a_line_of_the_answer():
    """What could be answered stands beside what could not, with the reason."""
    why = {"model": "bart", "task": "news_summary", "status": 503, "title": "No model", "detail": "none serves yet"}
    text = drawn(views.answer({"prediction_id": 7, "xln": 0, "problems": [why]}))
    assert "xln" in text
    assert "503 No model: none serves yet" in text
