"""How a candidate of fake_news is brought in when nobody says otherwise."""

from __future__ import annotations

from infolens.contracts.rollout import AlarmLimits, Guardrails, Plan, Shadow

PLAN = Plan(
    weights=(20, 40, 60, 80, 100),  # S0's canary ladder
    min_requests=1500,  # S0: 1500 calls a step
    look_seconds=120,  # 720 looks at most: an execution has room for 1200
    max_step_seconds=6 * 3600,  # 1500 requests at 20 % of S0-14's 3000 an hour take 2.5 h; nights are quieter
    guardrails=Guardrails(
        max_error_rate=0.02,  # S0's error limit
        max_error_rate_increase=0.01,
        max_latency_ratio=1.25,  # half as slow again is taken back within minutes of the shadow
        max_latency_ms=400.0,  # S2-08 alerts there; XLNet-base at 256 tokens takes 129 ms on two cores (PERFORMANCE, B)
        max_null_rate_increase=0.01,
        max_mix_shift=0.1,
        max_cost_ratio=1.25,
        max_quality_loss=0.02,  # S0-09: editors tell the right answer; S0's own rule asks for a gain of as much
    ),
    alarms=AlarmLimits(
        period_seconds=10,  # the shortest of a high-resolution alarm
        faults_per_period=3,
        latency_ms=1000.0,  # S0-33
        min_latency_periods=2,
    ),
    shadow=Shadow(
        min_pairs=6000,  # S0: critical_sample
        max_seconds=12 * 3600,  # equal quality takes about 2700 labels, which editors give in half a day
    ),
)
