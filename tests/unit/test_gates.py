"""Every gate is shown to refuse the fault it exists for, and to pass at its limit."""

import math
from dataclasses import replace

import pytest

from infolens import codec
from infolens.contracts.evaluation import (
    NO_LIMIT,
    Direction,
    EvaluationReport,
    Gate,
    PairedDifference,
    ParityGate,
    ParityReport,
    Quantisation,
    Verdict,
)
from infolens.contracts.load import Failures, Latency, LoadGate, LoadReport, LoadWindow
from infolens.gates import judge, judge_load, judge_parity, reasons, refusals

BUNDLE = "b" * 64
CHAMPION = "c" * 64
ACCURACY = Gate("accuracy", Direction.HIGHER, limit=0.70, max_loss=0.02, min_rows=100, why="S0-39")
RATE = Gate("false_positive_rate", Direction.LOWER, limit=0.10, max_loss=0.01, min_rows=100, why="S1-19")
PARITY_GATE = ParityGate(max_mean_difference=0.02, max_label_flips=0.03, min_rows=30)
PARITY = ParityReport(BUNDLE, rows=400, mean_difference=0.002, max_difference=0.05, label_flips=0.005)


def difference(value: float, low: float, high: float, rows: int = 500, units: int = 0) -> PairedDifference:
    """Candidate minus champion, with its bounds."""
    return PairedDifference(value, low, high, rows, units or rows, "bootstrap", 0.95)


REPORT = EvaluationReport(
    task="news_category",
    run_id="run-1",
    dataset_id="data-1",
    bundle_digest=BUNDLE,
    rows=500,
    metrics={"accuracy": 0.80, "false_positive_rate": 0.05},
    slices={},
    champion_digest=CHAMPION,
    champion_metrics={"accuracy": 0.79, "false_positive_rate": 0.05},
    champion_differences={
        "accuracy": difference(0.01, -0.008, 0.028),
        "false_positive_rate": difference(0.0, -0.006, 0.006),
    },
    quantisation=Quantisation("", "nothing to gain"),
)
FIRST = replace(REPORT, champion_digest="", champion_metrics={}, champion_differences={})


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
    assert (
        "accuracy: 0.8000, floor 0.7000, n=500; against the champion +0.0100, 95% bounds -0.0080 to +0.0280"
        " on n=500 pairs, a loss of 0.0200 accepted"
    ) in reasons(verdict)


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


def against_champion(**differences: PairedDifference) -> EvaluationReport:
    """Give a report with other differences from the champion."""
    return replace(REPORT, champion_differences={**REPORT.champion_differences, **differences})


@pytest.mark.parametrize(("low", "passed"), [(-0.02, True), (-0.0201, False)])
def test_loss_that_is_not_ruled_out(low, passed):
    """The lower bound decides: a candidate that looks better refuses where a loss above max_loss is still likely."""
    verdict = verdict_on(against_champion(accuracy=difference(0.01, low, 0.04)))
    assert verdict.passed is passed
    if not passed:
        (refusal,) = refusals(verdict)
        assert refusal == (
            "accuracy: 0.8000, floor 0.7000, n=500; against the champion +0.0100, 95% bounds -0.0201 to +0.0400 on "
            "n=500 pairs, a loss of 0.0200 accepted: a larger loss is not ruled out; with the same answers some 510 "
            "rows would do it"
        )


@pytest.mark.parametrize(("high", "passed"), [(0.01, True), (0.0101, False)])
def test_loss_where_lower_is_better(high, passed):
    """The loss is counted in the metric's own direction: of an error rate the upper bound decides."""
    report = against_champion(false_positive_rate=difference(0.0, -0.05, high))
    assert verdict_on(report).passed is passed


def test_rows_that_would_be_needed():
    """The bounds come nearer with the root of the rows: twice as near takes four times as many."""
    (refusal,) = refusals(verdict_on(against_champion(accuracy=difference(0.0, -0.04, 0.04, rows=119))))
    assert refusal.endswith("with the same answers some 480 rows would do it")


@pytest.mark.parametrize("value", [-0.02, -0.05])
def test_worse_than_champion(value):
    """A candidate that loses as much as is accepted, or more, is worse: no number of rows is promised to mend it."""
    (refusal,) = refusals(verdict_on(against_champion(accuracy=difference(value, value - 0.03, value + 0.03))))
    assert refusal.endswith("a loss of 0.0200 accepted: worse than the champion")


def test_surely_worse_within_the_margin_passes():
    """A small loss that is surely no larger than what is accepted is accepted."""
    assert verdict_on(against_champion(accuracy=difference(-0.01, -0.015, -0.005))).passed


def test_better_than_champion_passes():
    """Being better is no loss in either direction."""
    report = against_champion(
        accuracy=difference(0.19, 0.15, 0.23), false_positive_rate=difference(-0.05, -0.06, -0.04)
    )
    assert verdict_on(replace(report, metrics={"accuracy": 0.99, "false_positive_rate": 0.0})).passed


@pytest.mark.parametrize(("rows", "passed"), [(100, True), (99, False)])
def test_too_few_pairs(rows, passed):
    """Bounds from fewer pairs than min_rows are no evidence, however near they are."""
    verdict = verdict_on(against_champion(accuracy=difference(0.05, 0.01, 0.09, rows=rows)))
    assert verdict.passed is passed
    if not passed:
        assert refusals(verdict)[0].endswith("at least 100 pairs are needed as evidence")


def test_units_are_named():
    """Where rows are not independent, the reason says of how many units they are."""
    report = against_champion(accuracy=difference(0.05, 0.01, 0.09, units=20))
    assert any(
        "on n=500 pairs, a loss of 0.0200 accepted (20 independent units)" in one for one in reasons(verdict_on(report))
    )


@pytest.mark.parametrize(
    "broken", [(math.nan, 0.0, 0.1), (0.0, math.nan, 0.1), (0.0, -math.inf, 0.1), (0.0, 0.0, math.nan)]
)
def test_difference_that_is_no_number(broken):
    """Bounds that are no numbers rule nothing out."""
    assert not verdict_on(against_champion(accuracy=difference(*broken))).passed


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


@pytest.mark.parametrize("differences", [{}, {"macro_f1": difference(0.1, 0.05, 0.15)}])
def test_difference_missing(differences):
    """Without the paired difference no loss can be ruled out, whatever the two values are, so the gate refuses."""
    report = replace(REPORT, metrics={"accuracy": 0.99}, champion_differences=differences)
    (refusal,) = refusals(verdict_on(report, gates=(ACCURACY,)))
    assert refusal == (
        "accuracy: 0.9900, floor 0.7000, n=500; the paired difference from the champion is missing: "
        "no loss can be ruled out"
    )


def test_report_of_an_older_evaluation():
    """A report that was written before differences were computed is read, and refuses where there is a champion."""
    plain = codec.to_dict(REPORT)
    del plain["champion_differences"], plain["champion_slice_differences"]
    report = codec.from_dict(EvaluationReport, plain)
    assert report.champion_differences == {}
    assert not verdict_on(report).passed


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


# Gates on slices: what holds for all rows must not hide what does not hold for some of them.

SLICES = {
    "identity=women": {"accuracy": 0.78, "rows": 60.0},
    "identity=muslim": {"accuracy": 0.75, "rows": 40.0},
    "identity=deaf": {"accuracy": 0.10, "rows": 5.0},
    "cases=negation": {"accuracy": 0.90, "rows": 50.0},
    "label=Sports": {"recall": 0.8, "rows": 30.0},
}
SLICED = replace(FIRST, slices=SLICES)
IDENTITY = Gate("accuracy", Direction.HIGHER, NO_LIMIT, None, min_rows=30, why="S1", slice="identity=*", max_gap=0.10)
NEGATION = Gate("accuracy", Direction.HIGHER, 0.8, None, min_rows=50, why="S1", slice="cases=negation")


def with_slice(name: str, report: EvaluationReport = SLICED, **values: float) -> EvaluationReport:
    """Give a report with another slice."""
    return replace(report, slices={**report.slices, name: {**report.slices.get(name, {}), **values}})


def on_slices(report, *gates, champion="") -> Verdict:
    """Judge by gates on slices alone."""
    return verdict_on(report, gates=gates, champion=champion)


def test_slices_in_order_pass():
    """Each slice that matches speaks for itself, and those with too few rows are named."""
    verdict = on_slices(SLICED, IDENTITY, NEGATION)
    assert verdict.passed
    said = [result for result in verdict.results if " on " in result.gate]
    assert [(one.gate, one.reason) for one in said] == [
        ("accuracy on identity=muslim", "0.7500, n=40; all rows 0.8000, gap +0.0500, at most 0.1000 accepted"),
        ("accuracy on identity=women", "0.7800, n=60; all rows 0.8000, gap +0.0200, at most 0.1000 accepted"),
        ("accuracy on identity=*", "2 slices judged; not judged, with fewer than 30 rows: identity=deaf n=5"),
        ("accuracy on cases=negation", "0.9000, floor 0.8000, n=50"),
    ]


@pytest.mark.parametrize(("value", "passed"), [(0.70, True), (0.6999, False)])
def test_gap_to_all_rows(value, passed):
    """One slice of many that is further behind all rows than is accepted refuses, and is named."""
    verdict = on_slices(with_slice("identity=women", accuracy=value), IDENTITY)
    assert verdict.passed is passed
    if not passed:
        (refusal,) = refusals(verdict)
        assert refusal == (
            "accuracy on identity=women: 0.6999, n=60; all rows 0.8000, gap +0.1001, at most 0.1000 accepted: "
            "too far behind all rows"
        )


@pytest.mark.parametrize(("value", "passed"), [(0.15, True), (0.1501, False)])
def test_gap_where_lower_is_better(value, passed):
    """Of an error rate a slice is behind when it is above all rows."""
    gate = replace(RATE, limit=NO_LIMIT, max_loss=None, min_rows=30, slice="identity=women", max_gap=0.10)
    assert on_slices(with_slice("identity=women", false_positive_rate=value), gate).passed is passed


@pytest.mark.parametrize("better", [0.95, 0.80])
def test_slice_ahead_of_all_rows(better):
    """A slice that is better than all rows is no gap."""
    assert on_slices(with_slice("identity=women", accuracy=better), IDENTITY).passed


@pytest.mark.parametrize("metrics", [{"macro_f1": 0.8}, {"accuracy": math.nan}, {"accuracy": -math.inf}])
def test_gap_to_nothing(metrics):
    """Where the metric on all rows is missing, no gap can be ruled out."""
    assert not on_slices(replace(SLICED, metrics=metrics), IDENTITY).passed


@pytest.mark.parametrize(("value", "passed"), [(0.80, True), (0.7999, False)])
def test_floor_of_a_suite(value, passed):
    """A suite of failure-mode cases is held to its own floor, although all rows together pass."""
    verdict = on_slices(with_slice("cases=negation", accuracy=value), ACCURACY, NEGATION)
    assert verdict.passed is passed
    if not passed:
        assert refusals(verdict) == ("accuracy on cases=negation: 0.7999, floor 0.8000, n=50: below the floor",)


@pytest.mark.parametrize(("rows", "passed"), [(50.0, True), (49.0, False)])
def test_suite_without_enough_cases(rows, passed):
    """Fewer cases than the gate asks for are no evidence."""
    verdict = on_slices(with_slice("cases=negation", rows=rows), NEGATION)
    assert verdict.passed is passed
    if not passed:
        assert refusals(verdict) == (
            "accuracy on cases=negation: too few rows in cases=negation n=49; at least 50 are needed",
        )


@pytest.mark.parametrize("rows", [math.nan, math.inf, 0.0, -1.0])
def test_slice_whose_rows_are_no_number(rows):
    """A slice that does not say how many rows it has is no evidence."""
    assert not on_slices(with_slice("cases=negation", rows=rows), NEGATION).passed
    assert not on_slices(with_slice("cases=negation", rows=rows), replace(NEGATION, min_rows=0)).passed


def test_all_slices_too_small():
    """A glob whose every slice has too few rows refuses: nothing was shown."""
    gate = replace(IDENTITY, min_rows=61)
    (refusal,) = refusals(on_slices(SLICED, gate))
    assert refusal == (
        "accuracy on identity=*: too few rows in identity=deaf n=5, identity=muslim n=40, identity=women n=60; "
        "at least 61 are needed"
    )


def test_slice_missing():
    """A slice that the report lacks refuses, and the reason lists those that it has."""
    (refusal,) = refusals(on_slices(SLICED, replace(NEGATION, slice="cases=sarcasm")))
    assert refusal == (
        "accuracy on cases=sarcasm: the report has no such slice; it has cases=negation, identity=deaf, "
        "identity=muslim, identity=women, label=Sports"
    )
    assert not on_slices(replace(SLICED, slices={}), IDENTITY).passed


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_slice_value_that_is_no_number(value):
    """A slice whose metric is NaN refuses, also without a floor."""
    assert not on_slices(with_slice("identity=women", accuracy=value), IDENTITY).passed


def test_slice_metric_missing():
    """A slice that lacks the metric refuses: it is not passed over."""
    assert refusals(on_slices(SLICED, replace(NEGATION, slice="label=*", min_rows=1))) == (
        "accuracy on label=Sports: the report has no such metric; it has recall, rows",
    )


@pytest.mark.parametrize(("low", "passed"), [(-0.05, True), (-0.0501, False)])
def test_slice_against_the_champion(low, passed):
    """A slice can be held against the champion too, by the bounds on that slice."""
    gate = replace(NEGATION, max_loss=0.05)
    report = replace(
        REPORT,
        slices=SLICES,
        champion_slice_differences={"cases=negation": {"accuracy": difference(0.0, low, 0.05, rows=50)}},
    )
    assert on_slices(report, gate, champion=CHAMPION).passed is passed
    bare = replace(report, champion_slice_differences={})
    assert not on_slices(bare, gate, champion=CHAMPION).passed


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        (replace(ACCURACY, max_gap=0.1), "max_gap compares a slice with all rows, and the gate names no slice"),
        (replace(ACCURACY, limit=NO_LIMIT, max_loss=None), "the gate asks for nothing"),
        (replace(NEGATION, limit=NO_LIMIT), "the gate asks for nothing"),
        (replace(ACCURACY, max_loss=math.nan), "[nan] are no numbers to judge by"),
        (replace(ACCURACY, max_loss=math.inf), "[inf] are no numbers to judge by"),
        (replace(IDENTITY, max_gap=math.nan), "[nan] are no numbers to judge by"),
    ],
)
def test_gate_that_could_not_refuse(gate, says):
    """A gate that is written so that nothing could fail it refuses, and says what is wrong with it."""
    (refusal,) = refusals(on_slices(SLICED, gate))
    assert refusal.endswith(says)


@pytest.mark.parametrize(("value", "passed"), [(12.0, True), (12.01, False)])
def test_business_gate(value, passed):
    """A figure of the business is a metric like any other: its own unit, its own ceiling."""
    gate = Gate("cost_per_thousand", Direction.LOWER, 12.0, None, min_rows=100, why="what a moderator costs")
    report = replace(FIRST, metrics={**FIRST.metrics, "cost_per_thousand": value})
    assert on_slices(report, gate).passed is passed


def load_window(p95_ms=100.0, warm=100, seconds=2.0, cold=0, **failures) -> LoadWindow:
    """A window of a load test."""
    failed = Failures(**failures)
    latency = Latency(warm, p95_ms / 2, p95_ms, p95_ms)
    return LoadWindow(seconds, warm + cold + failed.total, latency, Latency(cold, 1.0, 1.0, 1.0), failed)


def load_refusals(*windows, users=50, gate=None, warm_up=None) -> list[str]:
    """Names of the gates that refuse a load test."""
    gate = gate or LoadGate(max_p95_ms=500.0, why="S1")
    report = LoadReport("t", "r", "1", "d", users, 30.0, warm_up or load_window(warm=0), windows)
    return [result.gate for result in judge_load(report, gate) if not result.passed]


@pytest.mark.parametrize(("p95", "refused"), [(500.0, []), (500.1, ["load p95"])])
def test_load_latency(p95, refused):
    """S1: P95 at most 0.5 s, the limit included."""
    assert load_refusals(load_window(p95_ms=p95)) == refused


@pytest.mark.parametrize(("seconds", "refused"), [(5.0, []), (5.01, ["load rate"])])
def test_load_rate(seconds, refused):
    """S1: at least 20 requests a second."""
    assert load_refusals(load_window(seconds=seconds)) == refused


@pytest.mark.parametrize(("users", "seconds", "refused"), [(4, 12.5, []), (4, 12.6, ["load rate"]), (10, 5.0, [])])
def test_load_rate_of_few_users(users, seconds, refused):
    """Four users who wait for half a second each time come to eight requests a second, and no more is asked of them."""
    assert load_refusals(load_window(seconds=seconds), users=users) == refused


@pytest.mark.parametrize(("failed", "refused"), [(1, []), (2, ["load success"])])
def test_load_success(failed, refused):
    """S1: at least 99 % of the requests are answered: of 100 one may fail, of 101 two may not."""
    assert load_refusals(load_window(warm=99, server_errors=failed)) == refused


@pytest.mark.parametrize("kind", ["throttled", "function_errors", "timed_out", "server_errors", "refused"])
def test_load_failures_of_any_kind_and_window(kind):
    """What failed in a window that was repeated, or while environments started, failed."""
    bad = load_window(**{kind: 10})
    assert load_refusals(bad, load_window()) == ["load success"]
    assert load_refusals(load_window(), warm_up=bad) == ["load success"]


@pytest.mark.parametrize(("warm", "refused"), [(60, []), (59, ["load requests"])])
def test_load_evidence(warm, refused):
    """Too few answers are no evidence, however fast they came."""
    assert load_refusals(load_window(warm=warm)) == refused


def test_load_without_requests():
    """Nothing asked is nothing shown."""
    assert load_refusals() == ["load success", "load requests"]
    assert load_refusals(load_window(warm=0)) == ["load success", "load requests"]
    assert load_refusals(load_window(warm=0, cold=1000)) == ["load requests"]


def test_load_best_window():
    """The best window counts for latency and rate, and both must be good in one and the same."""
    slow, scarce, good = load_window(p95_ms=900.0), load_window(seconds=60.0, p95_ms=90.0), load_window(p95_ms=400.0)
    assert load_refusals(slow, good) == []
    assert load_refusals(scarce, slow, good) == []
    assert load_refusals(slow, scarce) == ["load rate"]


@pytest.mark.parametrize("p95", [math.nan, math.inf])
def test_load_latency_that_is_no_number(p95):
    """What is no number is no pass."""
    assert load_refusals(load_window(p95_ms=p95)) == ["load p95"]


def quantised(accuracy: float = 0.80, rate: float = 0.05) -> EvaluationReport:
    """The report, where the graphs in 32 bits have these metrics."""
    exact = {"accuracy": accuracy, "false_positive_rate": rate}
    return replace(REPORT, quantisation=Quantisation("e" * 64, "int8", exact))


@pytest.mark.parametrize(("accuracy", "passed"), [(0.79, True), (0.805, True), (0.8051, False), (math.nan, False)])
def test_quantisation_may_cost_half_a_point(accuracy, passed):
    """A metric at most 0.005 below that of the graphs in 32 bits passes; gaining by chance does too."""
    assert verdict_on(quantised(accuracy)).passed is passed


@pytest.mark.parametrize(("rate", "passed"), [(0.06, True), (0.045, True), (0.0449, False)])
def test_quantisation_of_a_metric_that_is_better_low(rate, passed):
    """Where lower is better a rise is the loss."""
    assert verdict_on(quantised(rate=rate)).passed is passed


@pytest.mark.parametrize(("accuracy", "passed"), [(0.8125, True), (0.8126, False)])
def test_one_row_may_be_lost(accuracy, passed):
    """Where one row is worth more than 0.005, one row's worth may be lost, and no more."""
    report = quantised(accuracy)
    report = replace(report, quantisation=replace(report.quantisation, one_row={"accuracy": 0.0125}))
    assert verdict_on(report).passed is passed


def test_refused_quantisation_tells_both_figures():
    """A person sees what was compared and why it was not enough."""
    (refusal,) = refusals(verdict_on(quantised(0.81)))
    assert refusal == (
        "quantisation accuracy: quantised 0.8000, in 32 bits 0.8100, n=500, a loss of 0.0050 accepted: "
        "quantised weights cost too much (int8)"
    )


def test_silence_about_quantisation():
    """A report that does not say what quantised weights cost refuses; one that says there are none passes, and why."""
    (refusal,) = refusals(verdict_on(replace(REPORT, quantisation=None)))
    assert refusal == "quantisation: the report does not say what quantised weights cost"
    assert "quantisation: none: nothing to gain" in reasons(verdict_on())


def test_quantisation_that_no_gate_sees():
    """Where a task gates slices alone nothing would be compared, which refuses."""
    gate = replace(ACCURACY, slice="label=*")
    assert any("no metric of all rows" in one for one in refusals(verdict_on(quantised(), gates=(gate,))))
