"""Tests of `infolens.rollout.plan`."""

from dataclasses import replace

import pytest

from infolens.codec import to_dict
from infolens.contracts.rollout import Shadow
from infolens.rollout.plan import PlanError, checked, parse_plan
from rollout_fakes import ALARMS, GUARDRAILS, PLAN

SHADOWED = replace(PLAN, shadow=Shadow(6000, 14_400))


def test_a_plan_survives_its_way_through_json():
    """What S0 asks for is a plan that can be followed."""
    assert parse_plan(to_dict(PLAN)) == PLAN


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (replace(PLAN, weights=()), "must end at 100"),
        (replace(PLAN, weights=(20, 40)), "must end at 100"),
        (replace(PLAN, weights=(100,)), "a step below 100"),
        (replace(PLAN, weights=(0, 100)), "within 1 and 100"),
        (replace(PLAN, weights=(20, 20, 100)), "must rise"),
        (replace(PLAN, weights=(40, 20, 100)), "must rise"),
        (replace(PLAN, min_requests=0), "min_requests must be at least 1, got 0"),
        (replace(PLAN, look_seconds=0), "look_seconds must be at least 1"),
        (replace(PLAN, max_step_seconds=59), "max_step_seconds must lie within look_seconds"),
        (replace(PLAN, look_seconds=86_400, max_step_seconds=1_209_601), "and 1209600, got 1209601"),
        (replace(PLAN, max_step_seconds=18_001), "1204 looks are possible and 1200 is the limit"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_error_rate=-0.01)), "guardrails.max_error_rate must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_error_rate=1.0)), "guardrails.max_error_rate must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_error_rate_increase=1.0)), "max_error_rate_increase must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_error_rate=0.0)), "guardrails.max_error_rate must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_error_rate_increase=0.0)), "max_error_rate_increase must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_latency_ratio=1.0)), "max_latency_ratio must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_null_rate_increase=0.0)), "max_null_rate_increase must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_mix_shift=1.0)), "max_mix_shift must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_quality_loss=0.0)), "max_quality_loss must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_quality_loss=float("nan"))), "guards nothing"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_cost_ratio=1.5)), "max_cost_ratio needs a shadow"),
        (replace(SHADOWED, guardrails=replace(GUARDRAILS, max_cost_ratio=1.0)), "max_cost_ratio must be above 1"),
        (replace(PLAN, shadow=Shadow(0, 3600)), "shadow.min_pairs must be at least 1"),
        (replace(PLAN, shadow=Shadow(1, 59)), "shadow.max_seconds must lie within look_seconds"),
        (replace(PLAN, shadow=Shadow(1, 14_401)), "1201 looks are possible"),
        (replace(PLAN, weights=(*range(1, 14), 100), max_step_seconds=600), "13 stages are judged and 12 is the limit"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_latency_ms=0.0)), "max_latency_ms must"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_latency_ms=float("inf"))), "guards nothing"),
        (replace(PLAN, guardrails=replace(GUARDRAILS, max_latency_ratio=float("nan"))), "guards nothing"),
        (replace(PLAN, alarms=replace(ALARMS, period_seconds=20)), "10, 30 or a multiple of 60"),
        (replace(PLAN, alarms=replace(ALARMS, period_seconds=90)), "10, 30 or a multiple of 60"),
        (replace(PLAN, alarms=replace(ALARMS, period_seconds=0)), "10, 30 or a multiple of 60"),
        (replace(PLAN, alarms=replace(ALARMS, faults_per_period=0)), "faults_per_period must be at least 1"),
        (replace(PLAN, alarms=replace(ALARMS, latency_ms=float("nan"))), "alarms.latency_ms must"),
        (replace(PLAN, alarms=replace(ALARMS, min_latency_periods=0)), "min_latency_periods must be at least 1"),
        (replace(PLAN, alarms=replace(ALARMS, period_seconds=60, min_latency_periods=1441)), "must not exceed 86400"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_by_name(plan, words):
    """The message names the field and the limit."""
    with pytest.raises(PlanError, match=words):
        checked(plan)


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, weights=(99, 100)),
        replace(PLAN, weights=(1, 100)),
        replace(PLAN, min_requests=1),
        replace(PLAN, look_seconds=60, max_step_seconds=60),
        replace(PLAN, max_step_seconds=18_000),
        replace(PLAN, look_seconds=86_400, max_step_seconds=1_209_600),
        replace(PLAN, guardrails=replace(GUARDRAILS, max_error_rate=1e-9, max_error_rate_increase=1e-9)),
        replace(PLAN, guardrails=replace(GUARDRAILS, max_latency_ratio=1.01)),
        replace(PLAN, guardrails=replace(GUARDRAILS, max_mix_shift=0.99, max_quality_loss=1e-9)),
        replace(SHADOWED, guardrails=replace(GUARDRAILS, max_cost_ratio=1.01)),
        replace(PLAN, shadow=Shadow(1, 14_400)),
        replace(PLAN, weights=(*range(1, 13), 100), max_step_seconds=600),
        replace(PLAN, alarms=replace(ALARMS, period_seconds=30)),
        replace(PLAN, alarms=replace(ALARMS, period_seconds=60, min_latency_periods=1440)),
    ],
)
def test_the_limit_itself_is_allowed(plan):
    """The other half of each boundary pair."""
    assert checked(plan) is plan


def test_all_problems_are_told_at_once():
    """An operator mends a plan in one go."""
    with pytest.raises(PlanError) as caught:
        checked(replace(PLAN, weights=(100,), min_requests=0))

    assert len(caught.value.problems) == 2


def test_a_missing_field_is_named():
    """Wrong JSON is a plan error too, with the path of the field."""
    plain = to_dict(PLAN)
    del plain["guardrails"]["max_latency_ms"]

    with pytest.raises(PlanError, match=r"guardrails\.max_latency_ms"):
        parse_plan(plain)
