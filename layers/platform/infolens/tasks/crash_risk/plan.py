"""How a candidate of crash_risk is brought in when nobody says otherwise."""

from __future__ import annotations

from infolens.contracts.rollout import AlarmLimits, Guardrails, Plan, Shadow

PLAN = Plan(
    weights=(20, 40, 60, 80, 100),  # S0's canary ladder
    min_requests=300,  # dashboards of two agencies ask far less than S0's 3000 an hour
    look_seconds=180,  # 960 looks at most: an execution has room for 1200
    max_step_seconds=12 * 3600,  # half a day has a rush hour in it
    guardrails=Guardrails(
        max_error_rate=0.02,  # S0's error limit
        max_error_rate_increase=0.03,  # 300 requests prove no less
        max_latency_ratio=1.5,
        max_latency_ms=400.0,  # S2-08 alerts there
        max_null_rate_increase=0.03,
        max_mix_shift=0.2,
        max_cost_ratio=1.5,
        # No max_quality_loss: crashes are known weeks later (S4-14).
    ),
    alarms=AlarmLimits(
        period_seconds=10,  # the shortest of a high-resolution alarm
        faults_per_period=3,
        latency_ms=1000.0,  # S0-33
        min_latency_periods=2,
    ),
    shadow=Shadow(
        min_pairs=600,
        max_seconds=12 * 3600,  # 240 looks
    ),
)
