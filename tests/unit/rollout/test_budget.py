"""Tests of `infolens.rollout.budget`."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.contracts.rollout import Shadow
from infolens.rollout.budget import ALPHA, BUDGET, MAX_STAGES, alpha_of, describe, stages_of
from infolens.rollout.budget import tests_of as count_tests
from rollout_fakes import GUARDRAILS, PLAN

FULL = replace(
    PLAN,
    guardrails=replace(
        GUARDRAILS, max_null_rate_increase=0.01, max_mix_shift=0.1, max_cost_ratio=1.5, max_quality_loss=0.02
    ),
    shadow=Shadow(6000, 43_200),
)


def test_a_plan_without_shadow_judges_every_weight_but_the_last():
    """S0's ladder has four judged steps with four tests each."""
    assert (stages_of(PLAN), count_tests(PLAN), alpha_of(PLAN)) == (4, 4, 0.0025)


def test_a_shadow_and_more_guardrails_leave_less_for_each():
    """Five stages with nine tests: errors and latency twice, nulls, mix, cost, quality, and the typical latency."""
    assert (stages_of(FULL), count_tests(FULL)) == (5, 9)
    assert alpha_of(FULL) == pytest.approx(0.0375 / 35)


@given(st.integers(1, MAX_STAGES - 1), st.booleans(), st.tuples(*[st.booleans()] * 4))
def test_all_tests_together_never_spend_more_than_the_budget(steps, shadow, asked):
    """The p95 has ALPHA a stage for both its tests; the others have their share."""
    names = ("max_null_rate_increase", "max_mix_shift", "max_cost_ratio", "max_quality_loss")
    limits = replace(GUARDRAILS, **{name: 0.1 for name, wanted in zip(names, asked, strict=True) if wanted})
    weights = (*range(1, steps + 1), 100)
    plan = replace(PLAN, weights=weights, guardrails=limits, shadow=Shadow(1, 60) if shadow else None)

    assert alpha_of(plan) > 0
    assert stages_of(plan) * (ALPHA + (count_tests(plan) - 2) * alpha_of(plan)) <= BUDGET + 1e-12


def test_the_budget_is_stated_in_words():
    """A person reads how surely the verdict is right."""
    assert describe(PLAN) == (
        "how surely: a good candidate is taken back with probability 0.05 at most over the whole rollout (4 tests in "
        "each of 4 stages, 0.0025 each), a bad one promoted with 0.01 at most, however often it is looked at"
    )
