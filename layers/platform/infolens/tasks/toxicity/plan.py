"""How a candidate of toxicity is brought in when nobody says otherwise."""

from __future__ import annotations

from infolens.contracts.rollout import AlarmLimits, Guardrails, Plan, Shadow

PLAN = Plan(
    weights=(20, 40, 60, 80, 100),  # S0's canary ladder; S1's canary stage has none of its own
    min_requests=1500,  # S0: 1500 calls a step
    look_seconds=120,  # 720 looks at most: an execution has room for 1200
    max_step_seconds=6 * 3600,  # 1500 requests at 20 % of S0-14's 3000 an hour take 2.5 h; nights are quieter
    guardrails=Guardrails(
        max_error_rate=0.01,  # S1's load gate asks for a success of 0.99
        max_error_rate_increase=0.01,  # half as much takes 4000 requests a step to prove
        max_latency_ratio=1.25,  # half as slow again is taken back within minutes of the shadow
        max_latency_ms=100.0,  # S1-09
        max_null_rate_increase=0.01,
        max_mix_shift=0.1,
        max_cost_ratio=1.25,
        # No max_quality_loss: S1 collects no labels from its users (S1-18).
    ),
    alarms=AlarmLimits(
        period_seconds=10,  # the shortest of a high-resolution alarm
        faults_per_period=3,
        latency_ms=500.0,  # S1's load gate: P95 <= 0.5 s
        min_latency_periods=2,
    ),
    shadow=Shadow(
        min_pairs=6000,  # S0: critical_sample
        max_seconds=12 * 3600,
    ),
)
