"""Reads and checks the plan of a rollout before anything is moved."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from math import ceil, isfinite
from typing import TYPE_CHECKING

from pydantic import ValidationError

from infolens.codec import from_dict
from infolens.contracts.rollout import AlarmLimits, Guardrails, Plan
from infolens.rollout.budget import MAX_STAGES, stages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL_WEIGHT = 100

MAX_LOOKS = 1200
"""Looks of a whole rollout. One look is 19 events of a standard execution, which ends after 25,000 of them
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""

MAX_STEP_SECONDS = 14 * 24 * 3600
"""CloudWatch keeps one-minute data for 15 days; a longer step would lose its own beginning."""

MAX_EVALUATION_SECONDS = 24 * 3600
"""CloudWatch evaluates at most one day: periods shorter than an hour times their number (PutMetricAlarm)."""

_SHORT_ALARM_PERIODS = (10, 30)
_MINUTE = 60


class PlanError(ValueError):
    """A plan that cannot be followed; the message lists everything that is wrong with it."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Keep the `problems`, each naming its field and limit."""
        super().__init__("the rollout plan is refused: " + "; ".join(problems))
        self.problems = problems


def parse_plan(plain: object) -> Plan:
    """Build a plan from plain JSON values and check it.

    Raises:
        PlanError: a field is missing, has the wrong type or lies outside its limits.
    """
    try:
        plan = from_dict(Plan, plain)
    except ValidationError as error:
        where = (".".join(str(part) for part in item["loc"]) + ": " + item["msg"] for item in error.errors())
        raise PlanError(tuple(where)) from error
    return checked(plan)


def checked(plan: Plan) -> Plan:
    """Return the plan when it can be followed.

    Raises:
        PlanError: with every problem, not only the first.
    """
    problems = (
        *_weights(plan.weights),
        *_pace(plan),
        *_shadow(plan),
        *_guardrails(plan.guardrails),
        *_alarms(plan.alarms),
    )
    if problems:
        raise PlanError(problems)
    return plan


def _weights(weights: tuple[int, ...]) -> Iterator[str]:
    if not weights or weights[-1] != FULL_WEIGHT:
        yield f"weights must end at {FULL_WEIGHT}, got {list(weights)}"
    if len(weights) < 2:
        yield "weights need a step below 100: a candidate that met no traffic is never promoted"
    if any(not 1 <= weight <= FULL_WEIGHT for weight in weights):
        yield f"weights must lie within 1 and {FULL_WEIGHT}, got {list(weights)}"
    if any(later <= earlier for earlier, later in pairwise(weights)):
        yield f"weights must rise, got {list(weights)}"


def _pace(plan: Plan) -> Iterator[str]:
    if plan.min_requests < 1:
        yield f"min_requests must be at least 1, got {plan.min_requests}"
    if plan.look_seconds < 1:
        yield f"look_seconds must be at least 1, got {plan.look_seconds}"
        return
    if not plan.look_seconds <= plan.max_step_seconds <= MAX_STEP_SECONDS:
        yield f"max_step_seconds must lie within look_seconds and {MAX_STEP_SECONDS}, got {plan.max_step_seconds}"
    looks = (len(plan.weights) - 1) * ceil(plan.max_step_seconds / plan.look_seconds)
    looks += ceil(plan.shadow.max_seconds / plan.look_seconds) if plan.shadow else 0
    if looks > MAX_LOOKS:
        yield f"{looks} looks are possible and {MAX_LOOKS} is the limit: raise look_seconds or lower max_step_seconds"
    if stages_of(plan) > MAX_STAGES:
        yield f"{stages_of(plan)} stages are judged and {MAX_STAGES} is the limit: the error budget is shared by all"


def _shadow(plan: Plan) -> Iterator[str]:
    if plan.shadow is None:
        if plan.guardrails.max_cost_ratio is not None:
            yield "guardrails.max_cost_ratio needs a shadow: costs are compared on the same requests"
        return
    if plan.shadow.min_pairs < 1:
        yield f"shadow.min_pairs must be at least 1, got {plan.shadow.min_pairs}"
    if not plan.look_seconds <= plan.shadow.max_seconds <= MAX_STEP_SECONDS:
        yield f"shadow.max_seconds must lie within look_seconds and {MAX_STEP_SECONDS}, got {plan.shadow.max_seconds}"


def _guardrails(limits: Guardrails) -> Iterator[str]:
    if not all(value is None or isfinite(value) for value in asdict(limits).values()):
        yield "guardrails must be finite numbers: one that cannot be crossed guards nothing"
    for name in ("max_error_rate", "max_error_rate_increase"):
        if not 0 < getattr(limits, name) < 1:
            got = getattr(limits, name)
            yield f"guardrails.{name} must lie between 0 and 1: less than 0 is never proved, got {got}"
    if limits.max_latency_ratio <= 1:
        yield f"guardrails.max_latency_ratio must be above 1: equality is never proved, got {limits.max_latency_ratio}"
    if limits.max_latency_ms <= 0:
        yield f"guardrails.max_latency_ms must be above 0, got {limits.max_latency_ms}"
    for name in ("max_null_rate_increase", "max_mix_shift", "max_quality_loss"):
        margin = getattr(limits, name)
        if margin is not None and not 0 < margin < 1:
            yield f"guardrails.{name} must lie between 0 and 1: equality is never proved, got {margin}"
    if limits.max_cost_ratio is not None and limits.max_cost_ratio <= 1:
        yield f"guardrails.max_cost_ratio must be above 1: equality is never proved, got {limits.max_cost_ratio}"


def _alarms(limits: AlarmLimits) -> Iterator[str]:
    period = limits.period_seconds
    if period not in _SHORT_ALARM_PERIODS and (period < _MINUTE or period % _MINUTE):
        yield f"alarms.period_seconds must be 10, 30 or a multiple of 60 (CloudWatch), got {period}"
    if limits.faults_per_period < 1:
        yield f"alarms.faults_per_period must be at least 1, got {limits.faults_per_period}"
    if not (isfinite(limits.latency_ms) and limits.latency_ms > 0):
        yield f"alarms.latency_ms must be a finite number above 0, got {limits.latency_ms}"
    if limits.min_latency_periods < 1:
        yield f"alarms.min_latency_periods must be at least 1, got {limits.min_latency_periods}"
    if period * max(1, limits.min_latency_periods) > MAX_EVALUATION_SECONDS:
        yield f"alarms: period_seconds times min_latency_periods must not exceed {MAX_EVALUATION_SECONDS} (CloudWatch)"
