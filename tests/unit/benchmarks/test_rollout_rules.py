"""The simulation of rollout rules: Kayenta's published misjudgements, what ours says of them, and all rules."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infolens.contracts.rollout import Action
from infolens.rollout.confidence import quantile_bracket
from infolens.rollout.decision import decide
from infolens.rollout.guardrails import ALPHA, LATENCY_QUANTILE
from infolens.rollout.plan import parse_plan
from rollout_fakes import PLAN, arm, look, record

FOLDER = Path(__file__).parents[3] / "infra" / "benchmarks" / "rollouts"
sys.path.insert(0, str(FOLDER))

import kayenta  # noqa: E402 - the benchmark's modules lie beside each other, outside any package
import peers  # noqa: E402
import report  # noqa: E402
import simulate  # noqa: E402
import verdicts  # noqa: E402
from ours import replay  # noqa: E402
from traces import CANDIDATE, CHAMPION, FAULTS, Trace  # noqa: E402

BY_NAME = {fault.name: fault for fault in FAULTS}
FULL = parse_plan(json.loads((FOLDER / "plan.json").read_text()))

# Latencies and error counts that people posted. The issue numbers are Kayenta's, but 6278, which is Spinnaker's.
SEVEN_OF_TEN_SLOW = ([100.0] * 7 + [1.0] * 3, [1.0] * 10)  # spinnaker 6278
EIGHT_OF_TEN_SLOW = ([100.0] * 8 + [1.0] * 2, [1.0] * 10)  # 6278: "it fails as soon as I change the 8th value"
OTHER_SHAPE = (  # 780, case 1
    [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 17.0, 17.1, 17.2, 17.3, 17.4, 17.5, 17.6, 17.7],
    [1.0, 100.0, 4.0, 101.0, 5.0, 102.0, 6.0, 103.0, 7.0, 104.0, 8.0, 105.0, 9.0, 106.0, 17.0],
)
SPARSE_ERRORS = ([0.0, 1.0, 2.0, 1.0, 0.0, 0.0], [0.0] * 6)  # 426
ERRORS_AMONG_GAPS = (  # 799: NaN replaced by zero, as its strategy does
    [value for errors in (1.0, 2.0, 1.0, 2.0, 1.0) for value in (errors, 0.0, 0.0, 0.0, 0.0)],
    [0.0] * 25,
)
RISE_BY_650_PERCENT = ([1.0] * 6 + [16.5] * 4 + [1.0] * 2, [1.0] * 12)
"""Rebuilt from the words of 633 ("+650 %, passed, too few data points"), which shows its values in pictures: a mean of
6.2 against 1.0, carried by four points of twelve."""


def high(vector):
    """What Kayenta's classifier says."""
    experiment, control = (np.array(values) for values in vector)
    return kayenta.is_high(experiment, control)


@pytest.mark.parametrize(
    ("vector", "verdict"),
    [
        (SEVEN_OF_TEN_SLOW, False),
        (EIGHT_OF_TEN_SLOW, True),
        (OTHER_SHAPE, False),
        (SPARSE_ERRORS, False),
        (ERRORS_AMONG_GAPS, False),
        (RISE_BY_650_PERCENT, False),
    ],
)
def test_kayenta_is_rebuilt_with_its_published_misjudgements(vector, verdict):
    """Its users' reports come out as they reported them."""
    assert high(vector) is verdict


def test_kayenta_says_nothing_of_a_control_without_data():
    """799: an empty control is no data, and no data is not high."""
    assert not high(([1.0, 2.0, 1.0, 2.0, 1.0], []))
    assert kayenta.score([(50, np.array([1.0]), np.array([]))]) is None


def slow(vector, requests):
    """A look at two versions with so many requests at each posted latency (milliseconds)."""
    arms = []
    for version, values in zip(("2", "1"), vector, strict=True):
        latencies = np.sort(np.repeat(values, requests))
        low, top = quantile_bracket(len(latencies), LATENCY_QUANTILE, ALPHA / 2)
        bounds = [None if share is None else at(latencies, share) for share in (low, top)]
        p95 = at(latencies, LATENCY_QUANTILE)
        arms.append(arm(version, len(latencies), 0, p95, latency_p95_low_ms=bounds[0], latency_p95_high_ms=bounds[1]))
    return look(record=record(plan=replace(PLAN, min_requests=1)), candidate=arms[0], champion=arms[1])


def at(ordered, share):
    """An order statistic."""
    return float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])


def failing(vector, requests):
    """A look at two versions with so many requests at each posted count of errors."""
    ours, theirs = (int(sum(values)) for values in vector)
    points = len(vector[0])
    return look(
        record=record(plan=replace(PLAN, min_requests=1)),
        candidate=arm("2", points * requests, ours),
        champion=arm("1", points * requests, theirs),
    )


@pytest.mark.parametrize("requests", [1, 5, 50, 500])
@pytest.mark.parametrize("vector", [SEVEN_OF_TEN_SLOW, EIGHT_OF_TEN_SLOW, RISE_BY_650_PERCENT])
def test_ours_never_lets_the_slow_ones_advance_and_takes_them_back(vector, requests):
    """One request a point proves nothing; from fifty on it does, with seven slow points of ten as with eight."""
    action = decide(slow(vector, requests)).action

    assert action is (Action.HOLD if requests < 50 else Action.ROLL_BACK)


@pytest.mark.parametrize("requests", [5, 10, 50])
@pytest.mark.parametrize("vector", [SPARSE_ERRORS, ERRORS_AMONG_GAPS])
def test_ours_never_lets_sparse_errors_advance(vector, requests):
    """426 and 799: four or seven errors against none prove neither, whether they are 13 % of requests or 0.6 %."""
    assert decide(failing(vector, requests)).action is Action.HOLD


@pytest.mark.parametrize("vector", [SPARSE_ERRORS, ERRORS_AMONG_GAPS])
def test_ours_takes_sparse_errors_back_once_there_are_enough(vector):
    """The same pattern, eight times as long: Kayenta's judge still passes it."""
    longer = tuple(values * 8 for values in vector)

    assert decide(failing(longer, 5)).action is Action.ROLL_BACK
    assert not high(longer)


def test_ours_takes_a_narrower_spread_for_what_it_is():
    """780, case 1: a p95 of 17.7 against 106 is faster; ours guards the tail, and says so."""
    assert decide(slow(OTHER_SHAPE, 100)).action is Action.ADVANCE


def test_the_full_plan_can_be_followed():
    """The plan of the simulation passes the checks of production."""
    assert FULL.shadow is not None
    assert FULL.guardrails.max_quality_loss == 0.02


def test_all_rules_meet_the_same_requests():
    """Outcomes are drawn once from the seed: whoever looks, and however far, sees the same."""
    fault = BY_NAME["quality -0.05"]
    one, other = Trace(fault, (1, 2)), Trace(fault, (1, 2))
    one.index(600.0)
    other.index(7200.0)
    count = one.index(600.0)

    assert np.array_equal(one.time[:count], other.time[:count])
    assert np.array_equal(one.right[:, :count], other.right[:, :count])
    assert not np.array_equal(one.time[:count], Trace(fault, (1, 3)).time[:count])


@pytest.mark.parametrize(("name", "gain"), [("quality -0.05", -0.05), ("quality -0.02", -0.02), ("better +0.02", 0.02)])
def test_a_trace_has_the_fault_that_it_is_named_after(name, gain):
    """Accuracy 0.80 for the champion, and the difference that was planted."""
    trace = Trace(BY_NAME[name], (5,))
    trace.draw(100_000)
    right = trace.right.mean(axis=1)

    assert right[CHAMPION] == pytest.approx(0.80, abs=0.006)
    assert right[CANDIDATE] - right[CHAMPION] == pytest.approx(gain, abs=0.004)


def test_bursts_bring_half_of_the_traffic_in_a_sixth_of_the_time():
    """Five times the rest, and the same mean."""
    trace = Trace(BY_NAME["none, bursts"], (5,))
    count = trace.index(20 * 3600.0)
    within = trace.time[:count] % 1800.0 < 300.0

    assert count == pytest.approx(60_000, rel=0.03)
    assert within.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("rule", "fault", "ended"),
    [
        ("AWS Canary10Percent5Minutes", "handled 5xx 5 %", "promoted"),  # Lambda counts no handled 5xx
        ("AWS Canary10Percent5Minutes", "no traffic", "promoted"),  # PEERS O2: silence is success
        ("Flagger", "no traffic", "rolled_back"),
        ("Flagger", "all null", "promoted"),
        ("Argo + Kayenta", "handled 5xx 5 %", "rolled_back"),
        ("S0 as stored", "none", "rolled_back"),  # never passes a refresh of equal quality
        ("S0 repaired", "errors 5 %", "rolled_back"),
        ("S0 repaired", "none, 50/h", "expired"),
    ],
)
def test_each_peer_does_what_its_documentation_says(rule, fault, ended):
    """One replay each of what cannot depend on luck."""
    assert peers.RULES[rule](Trace(BY_NAME[fault], (1,))).ended == ended


@pytest.mark.parametrize(
    ("fault", "ended"),
    [
        ("errors 5 %", "rolled_back"),
        ("handled 5xx 5 %", "rolled_back"),
        ("latency +300 %", "rolled_back"),
        ("all null", "rolled_back"),
        ("one label", "rolled_back"),
        ("no traffic", "expired"),
        ("better +0.02", "promoted"),
    ],
)
def test_ours_ends_each_fault_in_the_shadow_and_lets_the_good_one_through(fault, ended):
    """One replay each through the whole rollout, by the function that decides in production."""
    trace = Trace(BY_NAME[fault], (1,))
    verdict = replay(trace, FULL, 600.0)

    assert verdict.ended == ended
    assert verdicts.exposed(verdict, trace) == 0
    assert len(verdict.steps) == (5 if ended == "promoted" else 1)


def test_what_users_met_is_counted_from_the_first_weight_to_the_end_of_the_day():
    """Ten percent for an hour, then promoted: about 300 requests, and the 69,000 of the other 23 hours."""
    trace = Trace(BY_NAME["errors 5 %"], (1,))
    verdict = verdicts.Verdict("promoted", 3600.0, ((0.0, 3600.0, 0.1),))

    assert verdicts.exposed(verdict, trace) == pytest.approx(69_300, abs=100)
    assert verdicts.exposed(replace(verdict, ended="rolled_back"), trace) == pytest.approx(300, abs=100)
    assert verdicts.exposed(replace(verdict, ended="held"), trace) == pytest.approx(7_200, abs=100)
    assert verdicts.exposed(verdict, Trace(BY_NAME["none"], (1,))) == 0


def test_a_leak_is_bad_from_the_third_weight_on():
    """A rule with two weights meets it only after its promotion."""
    steps = ((0.0, 10.0, 0.0), (10.0, 20.0, 0.2), (20.0, 30.0, 0.4), (30.0, 40.0, 0.6))

    assert verdicts.third_weight_at(verdicts.Verdict("rolled_back", 40.0, steps)) == 30.0
    assert verdicts.third_weight_at(verdicts.Verdict("promoted", 20.0, steps[:2])) == 20.0
    assert verdicts.third_weight_at(verdicts.Verdict("rolled_back", 20.0, steps[:2])) == float("inf")


def test_the_results_are_a_table_and_a_plot():
    """Few replays of two rules: every cell has its share with an exact interval."""
    rules = {name: peers.RULES[name] for name in ("Flagger", "AWS Canary10Percent5Minutes")}
    cells = simulate.run(rules, BY_NAME["all null"], 0, 10, 1) + simulate.run(rules, BY_NAME["none"], 1, 10, 1)
    plain = [simulate.asdict(cell) for cell in cells]
    page = report.markdown(plain, "simulate.py --replays 10")

    assert "| all null: P(promote) | 1.000 [0.692, 1.000] |" in page
    assert page.count("\n| none | ") == 2
    assert report.svg(plain).count("<rect") == 5


def test_a_share_has_its_exact_interval():
    """Clopper and Pearson: none of 1000 leaves up to 0.0037 possible."""
    assert simulate.share_of(0, 1000) == (0.0, 0.0, pytest.approx(0.00368, abs=1e-5))
    assert simulate.share_of(1000, 1000)[1] == pytest.approx(0.99632, abs=1e-5)
