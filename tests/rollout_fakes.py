"""Literals and fakes with behaviour for everything about rollouts."""

from __future__ import annotations

from dataclasses import replace

from infolens.contracts.rollout import AlarmLimits, AliasState, Arm, Guardrails, Plan, RolloutRecord
from infolens.rollout.evidence import Evidence

START = "2026-03-01T12:00:00.000000+00:00"
TASK = "news_category"

GUARDRAILS = Guardrails(max_error_rate=0.02, max_error_rate_increase=0.01, max_latency_ratio=1.5, max_latency_ms=400.0)
ALARMS = AlarmLimits(period_seconds=10, faults_per_period=3, latency_ms=400.0, min_latency_periods=2)
PLAN = Plan(
    weights=(20, 40, 60, 80, 100),
    min_requests=1500,
    look_seconds=60,
    max_step_seconds=14400,
    guardrails=GUARDRAILS,
    alarms=ALARMS,
)


def arm(version, requests=1500, faults=0, p95=100.0, **others):
    """One version that answered well."""
    return Arm(version, requests, faults, p95, p95, **others)


def record(**others):
    """A rollout of version 2 over champion 1 in its first step."""
    base = RolloutRecord("r1", TASK, "1", "2", PLAN, 0, START, "rev-1", "running", forced=False)
    return replace(base, **others)


def alias(champion="1", candidate="2", weight=20, revision_id="rev-1"):
    """The alias as the record above wrote it."""
    return AliasState(champion, candidate, weight, revision_id)


def look(**others):
    """A look, one minute into the step, at two healthy versions."""
    base = Evidence(
        record=record(),
        alias=alias(),
        champion=arm("1", 6000),
        candidate=arm("2", 1500),
        at="2026-03-01T12:01:00.000000+00:00",
    )
    return replace(base, **others)
