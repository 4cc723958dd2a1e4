"""Every gate is shown to refuse the fault it exists for, and to pass at its limit."""

import math
from dataclasses import replace

import pytest

from infolens import codec
from infolens.contracts.evaluation import Direction, EvaluationReport, Gate, ParityGate, ParityReport, Verdict
from infolens.gates import judge, judge_parity, reasons, refusals

BUNDLE = "b" * 64
CHAMPION = "c" * 64
ACCURACY = Gate("accuracy", Direction.HIGHER, limit=0.70, max_loss=0.02, min_rows=100, why="S0-39")
RATE = Gate("false_positive_rate", Direction.LOWER, limit=0.10, max_loss=0.01, min_rows=100, why="S1-19")
PARITY_GATE = ParityGate(max_mean_difference=0.02, max_label_flips=0.03, min_rows=30)
PARITY = ParityReport(BUNDLE, rows=400, mean_difference=0.002, max_difference=0.05, label_flips=0.005)
REPORT = EvaluationReport(
    task="news_category",
    run_id="run-1",
    dataset_id="data-1",
    bundle_digest=BUNDLE,
    rows=500,
    metrics={"accuracy": 0.80, "false_positive_rate": 0.05},
    slices={},
    champion_digest=CHAMPION,
    champion_metrics={"accuracy": 0.81, "false_positive_rate": 0.05},
)
FIRST = replace(REPORT, champion_digest="", champion_metrics={})


def verdict_on(report=REPORT, parity=PARITY, gates=(ACCURACY, RATE), digest=BUNDLE, champion=CHAMPION) -> Verdict:
    """Judge with everything in order but for what a test says otherwise."""
    return judge(report, parity, gates, PARITY_GATE, bundle_digest=digest, champion_digest=champion)


def with_accuracy(value: float, report: EvaluationReport = REPORT) -> EvaluationReport:
    """Give a report with another accuracy."""
    return replace(report, metrics={**report.metrics, "accuracy": value})


def test_passes_with_all_evidence():
    """A candidate that meets every gate passes, and every reason carries value, limit and n."""
    verdict = verdict_on()
    assert verdict.passed
    assert refusals(verdict) == ()
    assert "accuracy: 0.8000, floor 0.7000, n=500; champion 0.8100, loss +0.0100, at most 0.0200 accepted" in reasons(
        verdict
    )


@pytest.mark.parametrize(("value", "passed"), [(0.70, True), (0.6999, False)])
def test_floor(value, passed):
    """The floor itself passes, anything below it refuses."""
    verdict = verdict_on(with_accuracy(value, FIRST), champion="")
    assert verdict.passed is passed
    if not passed:
        assert refusals(verdict) == ("accuracy: 0.6999, floor 0.7000, n=500: below the floor",)


@pytest.mark.parametrize(("value", "passed"), [(0.10, True), (0.1001, False)])
def test_ceiling(value, passed):
    """Where lower is better the limit is a ceiling."""
    report = replace(FIRST, metrics={**REPORT.metrics, "false_positive_rate": value})
    assert verdict_on(report, champion="").passed is passed


@pytest.mark.parametrize(("value", "passed"), [(0.79, True), (0.7899, False)])
def test_worse_than_champion(value, passed):
    """A candidate may lose max_loss against its champion and not more, although it is above the floor."""
    verdict = verdict_on(with_accuracy(value))
    assert verdict.passed is passed
    if not passed:
        assert refusals(verdict) == (
            "accuracy: 0.7899, floor 0.7000, n=500; champion 0.8100, loss +0.0201, at most 0.0200 accepted",
        )


@pytest.mark.parametrize(("value", "passed"), [(0.06, True), (0.0601, False)])
def test_worse_than_champion_where_lower_is_better(value, passed):
    """The loss is counted in the metric's own direction."""
    report = replace(REPORT, metrics={**REPORT.metrics, "false_positive_rate": value})
    assert verdict_on(report).passed is passed


def test_better_than_champion_passes():
    """Being better is no loss in either direction."""
    report = replace(REPORT, metrics={"accuracy": 0.99, "false_positive_rate": 0.0})
    assert verdict_on(report).passed


def test_gate_without_champion_comparison():
    """A gate with max_loss None looks at no champion."""
    assert verdict_on(with_accuracy(0.71), gates=(replace(ACCURACY, max_loss=None),)).passed


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metric_that_is_no_number(value):
    """A metric that is NaN or infinite refuses."""
    verdict = verdict_on(with_accuracy(value))
    assert refusals(verdict) == (f"accuracy: {value} is no number to judge by, n=500",)


def test_metric_missing():
    """A metric that the report lacks refuses; it is not taken for zero or for fine."""
    verdict = verdict_on(replace(REPORT, metrics={"false_positive_rate": 0.05}))
    assert refusals(verdict) == ("accuracy: the report has no such metric; it has false_positive_rate",)


def test_metric_missing_where_lower_is_better():
    """A missing error rate is not an error rate of zero."""
    assert not verdict_on(replace(REPORT, metrics={"accuracy": 0.9})).passed


@pytest.mark.parametrize(("rows", "passed"), [(100, True), (99, False)])
def test_too_few_rows(rows, passed):
    """Fewer held-out rows than the gate asks for are no evidence, however good the value."""
    verdict = verdict_on(replace(with_accuracy(1.0), rows=rows), gates=(ACCURACY,))
    assert verdict.passed is passed
    if not passed:
        assert refusals(verdict) == ("accuracy: 1.0000 on n=99 rows; at least 100 are needed as evidence",)


def test_no_rows_is_never_evidence():
    """A gate that asks for no rows still refuses an evaluation of none."""
    assert not verdict_on(replace(REPORT, rows=0), gates=(replace(ACCURACY, min_rows=0),)).passed


@pytest.mark.parametrize("limit", [math.nan])
def test_limit_that_is_no_number(limit):
    """A gate whose own limit is NaN refuses; it must not pass everything."""
    assert not verdict_on(gates=(replace(ACCURACY, limit=limit),)).passed


@pytest.mark.parametrize("champion_metrics", [{}, {"accuracy": math.nan}])
def test_champion_value_missing(champion_metrics):
    """Without the champion's value no loss can be ruled out, so the gate refuses."""
    verdict = verdict_on(replace(REPORT, champion_metrics=champion_metrics), gates=(ACCURACY,))
    assert refusals(verdict) == (
        "accuracy: 0.8000, floor 0.7000, n=500; the champion's value is missing, so no loss can be ruled out",
    )


@pytest.mark.parametrize("reported", ["", "d" * 64])
def test_report_that_leaves_the_champion_out(reported):
    """A report that compares with nobody, or with another model than the one that serves, refuses."""
    verdict = verdict_on(replace(REPORT, champion_digest=reported))
    assert refusals(verdict) == (
        f"champion: {CHAMPION[:12]} serves, but the report compares with {reported[:12] or 'nobody'}",
    )


def test_no_gate_at_all():
    """A task without gates promotes nothing."""
    assert refusals(verdict_on(gates=())) == ("gates: the task states no gate, so nothing was shown",)


@pytest.mark.parametrize(
    ("report", "parity", "digest"),
    [
        (replace(REPORT, bundle_digest="x" * 64), PARITY, BUNDLE),
        (REPORT, replace(PARITY, bundle_digest="x" * 64), BUNDLE),
        (REPORT, PARITY, "x" * 64),
        (replace(REPORT, bundle_digest=""), replace(PARITY, bundle_digest=""), ""),
    ],
    ids=["evaluation", "parity", "bundle", "none"],
)
def test_digests_disagree(report, parity, digest):
    """What was evaluated, what was compared and what would serve must be one bundle."""
    (refusal,) = refusals(verdict_on(report, parity, digest=digest))
    assert refusal.startswith("bundle digest: ")
    assert refusal.endswith("not one and the same bundle")


@pytest.mark.parametrize(("difference", "passed"), [(0.02, True), (0.0201, False)])
def test_parity_mean_difference(difference, passed):
    """The exported model may be off by the mean difference of its gate and not more."""
    assert verdict_on(parity=replace(PARITY, mean_difference=difference)).passed is passed


@pytest.mark.parametrize(("flips", "passed"), [(0.03, True), (0.0301, False)])
def test_parity_label_flips(flips, passed):
    """The exported model may change the share of answers of its gate and not more."""
    assert verdict_on(parity=replace(PARITY, label_flips=flips)).passed is passed


@pytest.mark.parametrize(("rows", "passed"), [(30, True), (29, False)])
def test_parity_rows(rows, passed):
    """Parity on a handful of inputs is no parity."""
    verdict = verdict_on(parity=replace(PARITY, rows=rows))
    assert verdict.passed is passed
    if not passed:
        assert refusals(verdict) == ("parity rows: 29 inputs compared, at least 30 needed",)


@pytest.mark.parametrize("difference", [math.nan, math.inf, -0.1])
def test_parity_that_is_no_number(difference):
    """A broken model answers NaN; the difference to it is refused, and so is a negative one."""
    assert not verdict_on(parity=replace(PARITY, mean_difference=difference)).passed
    assert not verdict_on(parity=replace(PARITY, label_flips=difference)).passed


def test_judge_parity_alone():
    """Parity can be judged before the evaluation is paid for."""
    results = judge_parity(replace(PARITY, mean_difference=0.5), PARITY_GATE)
    assert [result.passed for result in results] == [True, False, True]
    assert results[1].reason == "0.5000, at most 0.0200, n=400"


def test_reasons_put_refusals_first():
    """Who reads one line reads why it was refused."""
    assert reasons(verdict_on(with_accuracy(0.1)))[0].startswith("accuracy: 0.1000")


def test_nan_survives_json():
    """A NaN in a report written by a job is still a NaN, and still refused, after a round trip through JSON."""
    report = codec.from_json(EvaluationReport, codec.to_json(with_accuracy(math.nan)))
    assert not verdict_on(report).passed
