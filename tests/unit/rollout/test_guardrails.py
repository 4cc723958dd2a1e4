"""Tests of `infolens.rollout.guardrails`."""

from dataclasses import replace

import pytest

from infolens.contracts.rollout import Labels, Pairs, Shadow
from infolens.rollout.guardrails import Outcome, assess
from rollout_fakes import GUARDRAILS, PLAN, alias, arm, look, record

FULL = replace(
    PLAN,
    guardrails=replace(
        GUARDRAILS, max_null_rate_increase=0.01, max_mix_shift=0.1, max_cost_ratio=1.5, max_quality_loss=0.02
    ),
    shadow=Shadow(6000, 14_400),
)
PAIRS = Pairs(
    pairs=6000,
    agree=5400,
    only_candidate_failed=12,
    only_champion_failed=12,
    only_candidate_null=10,
    only_champion_null=10,
    timed=5900,
    slower=1500,
    costlier=1500,
    gained={"a": 290, "b": 290},
    lost={"a": 290, "b": 290},
)
LABELS = Labels({-100: 300, 0: 5400, 100: 300}, 12_000)
MIX = {"a": 700, "b": 800}


def shadow(**others):
    """A healthy look at the end of S0's shadow."""
    base = look(
        record=record(plan=FULL, step=-1),
        alias=alias("1", "", 0),
        champion=arm("1", 6000, 12),
        candidate=arm("2", 6000, 12),
        pairs=PAIRS,
        labels=LABELS,
    )
    return replace(base, **others)


def canary(**others):
    """A healthy look at the first step of the full plan."""
    base = look(
        record=record(plan=FULL),
        champion=arm("1", 6000, 12, nulls=12, answers={"a": 2800, "b": 3200}),
        candidate=arm("2", 1500, 2, nulls=2, answers=MIX),
        pairs=Pairs(0, 0, 0, 0),
        labels=LABELS,
    )
    return replace(base, **others)


def outcomes(seen):
    """What each guardrail says."""
    return [item.outcome for item in assess(seen)]


@pytest.mark.parametrize("stage", [shadow, canary])
def test_a_healthy_candidate_is_proved_healthy_by_every_guardrail(stage):
    """Nine in the shadow, seven at a weight: cost and the typical latency are of pairs."""
    assert outcomes(stage()) == [Outcome.PASSED] * (9 if stage is shadow else 7)


@pytest.mark.parametrize(("requests", "looked"), [(9, 1), (10, 4)])
def test_a_candidate_is_not_judged_before_its_tenth_request(requests, looked):
    """Boundary pair of the smallest look."""
    assert len(assess(look(candidate=arm("2", requests)))) == looked


def test_nine_faults_in_nine_requests_are_no_verdict_yet_and_ten_in_ten_are():
    """The smallest look holds for proofs, too."""
    assert max(outcomes(look(candidate=arm("2", 9, 9)))) is Outcome.UNCLEAR
    assert max(outcomes(look(candidate=arm("2", 10, 10)))) is Outcome.BROKEN


@pytest.mark.parametrize(("requests", "looked"), [(9, 3), (10, 4)])
def test_a_champion_without_requests_is_nothing_to_compare_with(requests, looked):
    """Boundary pair of the champion's side; the candidate's own limits are judged all the same."""
    found = assess(look(champion=arm("1", requests)))

    assert len(found) == looked
    assert (max(item.outcome for item in found) is Outcome.UNCLEAR) == (requests == 9)


@pytest.mark.parametrize(("pairs", "looked"), [(None, 3), (9, 3), (10, 9)])
def test_a_shadow_without_pairs_compares_nothing(pairs, looked):
    """Boundary pair of the smallest comparison; the shadow never falls back on different requests."""
    seen = None if pairs is None else replace(PAIRS, pairs=pairs)
    found = assess(shadow(pairs=seen)) if pairs != 10 else assess(shadow(pairs=Pairs(10, 10, 0, 0)))

    assert len(found) == looked
    assert max(item.outcome for item in found) is Outcome.UNCLEAR


def test_the_few_pairs_that_come_after_the_shadow_are_not_chosen_over_requests():
    """Choosing the evidence by what was seen would be a second chance; only the shadow makes pairs."""
    late = Pairs(20, 0, 20, 0, only_candidate_null=20, only_champion_null=0, gained={"a": 20}, lost={"b": 20})

    assert outcomes(canary(pairs=late)) == [Outcome.PASSED] * 7


@pytest.mark.parametrize(
    ("number", "planted"),
    [
        (0, {"candidate": arm("2", 6000, 600)}),
        (1, {"candidate": arm("2", 6000, 12, 600.0)}),
        (2, {"pairs": replace(PAIRS, only_candidate_failed=200)}),
        (3, {"champion": arm("1", 6000, 12, 50.0)}),
        (4, {"pairs": replace(PAIRS, only_candidate_null=200)}),
        (5, {"pairs": replace(PAIRS, gained={"a": 900}, lost={"b": 900})}),
        (6, {"pairs": replace(PAIRS, slower=3300)}),
        (7, {"pairs": replace(PAIRS, costlier=3300)}),
        (8, {"labels": Labels({-100: 600, 0: 5100, 100: 300}, 12_000)}),
    ],
)
def test_each_guardrail_is_broken_by_its_own_fault_in_the_shadow(number, planted):
    """Planted faults: every guardrail is shown to refuse, by itself."""
    assert outcomes(shadow(**planted))[number] is Outcome.BROKEN


@pytest.mark.parametrize(
    ("number", "planted"),
    [
        (0, {"candidate": arm("2", 1500, 150, nulls=2, answers=MIX)}),
        (1, {"candidate": arm("2", 1500, 2, 600.0, nulls=2, answers=MIX)}),
        (2, {"candidate": arm("2", 1500, 60, nulls=2, answers=MIX)}),
        (3, {"candidate": arm("2", 1500, 2, 300.0, nulls=2, answers=MIX)}),
        (4, {"candidate": arm("2", 1500, 2, nulls=200, answers=MIX)}),
        (5, {"candidate": arm("2", 1500, 2, nulls=2, answers={"a": 1500})}),
        (6, {"labels": Labels({-100: 600, 0: 5100, 100: 300}, 12_000)}),
    ],
)
def test_each_guardrail_is_broken_by_its_own_fault_at_a_weight(number, planted):
    """Planted faults, on different requests."""
    assert outcomes(canary(**planted))[number] is Outcome.BROKEN


@pytest.mark.parametrize(
    ("number", "planted"),
    [
        (1, {"candidate": arm("2", 1500, 2, None, nulls=2, answers=MIX)}),
        (3, {"champion": arm("1", 6000, 12, None, nulls=12, answers=MIX)}),
        (4, {"candidate": arm("2", 1500, 2, answers=MIX)}),
        (5, {"candidate": arm("2", 1500, 2, nulls=2)}),
        (6, {"labels": None}),
    ],
)
def test_each_guardrail_is_unclear_by_itself_without_its_metric(number, planted):
    """No guardrail passes on silence because another one refuses anyway."""
    assert outcomes(canary(**planted))[number] is Outcome.UNCLEAR


def test_what_a_plan_does_not_ask_for_is_not_judged():
    """Without the optional guardrails there are four, whatever was collected."""
    assert outcomes(canary(record=record())) == [Outcome.PASSED] * 4
