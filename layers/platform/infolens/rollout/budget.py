"""Shares the probability of a wrong verdict among the tests of a rollout, once, before anything is seen.

Taking back a good candidate: at most BUDGET over the whole rollout, however often it is looked at. Each test is valid
over all its looks (Ville's inequality), so the probabilities of tests add up, and stages add up because each gathers
its own evidence. Promoting a bad candidate: at most ALPHA_PROMOTE, undivided, since a candidate that breaks one
guardrail is promoted only if the test of that very guardrail errs (intersection-union test: Berger, Technometrics
24(4), 1982).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infolens.contracts.rollout import Plan

BUDGET = 0.05
"""Probability of taking back, at any look of the rollout, a candidate that keeps every limit."""

ALPHA_PROMOTE = 0.01
"""Probability of promoting a candidate that breaks a limit."""

ALPHA = 0.0025
"""The most that one test of one stage may have of the budget. The bounds of a p95 are asked of CloudWatch with this
probability, half of it on each side, before anything is decided."""

MAX_STAGES = 12
"""Each stage spends ALPHA on the bounds of the p95; twelve stages leave two fifths of the budget to all other tests."""

_QUANTILE_TESTS = 2
_OTHER_TESTS = 2


def stages_of(plan: Plan) -> int:
    """Count the stages that are judged: the shadow, and every weight but the last, after which nothing is compared."""
    return len(plan.weights) - 1 + (plan.shadow is not None)


def tests_of(plan: Plan) -> int:
    """Count the tests of a stage: errors and latency, by themselves and against the champion, and what a plan adds."""
    limits = plan.guardrails
    asked = (limits.max_null_rate_increase, limits.max_mix_shift, limits.max_cost_ratio, limits.max_quality_loss)
    return _QUANTILE_TESTS + _OTHER_TESTS + sum(limit is not None for limit in asked) + (plan.shadow is not None)


def alpha_of(plan: Plan) -> float:
    """Share of one test of one stage, but for those of the p95, which have half of ALPHA each."""
    stages = stages_of(plan)
    return min(ALPHA, (BUDGET - stages * ALPHA) / (stages * (tests_of(plan) - _QUANTILE_TESTS)))


def describe(plan: Plan) -> str:
    """Say how surely the verdicts of a plan are right."""
    return (
        f"how surely: a good candidate is taken back with probability {BUDGET:g} at most over the whole rollout "
        f"({tests_of(plan)} tests in each of {stages_of(plan)} stages, {alpha_of(plan):.2g} each), a bad one promoted "
        f"with {ALPHA_PROMOTE:g} at most, however often it is looked at"
    )
