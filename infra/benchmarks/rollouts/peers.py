"""Replays the rules of other tools on the same traces, each as its documentation describes it.

Sources: CodeDeploy's predefined Lambda configurations and the alarms of the SAM guide (an alarm on Errors > 0 in two
consecutive minutes, for the alias); Flagger's documentation (interval 1m, threshold 5, stepWeight 10, maxWeight 50,
success rate >= 99 %, p99 <= 500 ms); Argo Rollouts' analysis (failureLimit, consecutiveSuccessLimit) with Kayenta as
provider (pass 90, marginal 75); S0's code (REQUIREMENTS.md), as it is stored and with its listed defects repaired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import kayenta
import numpy as np
from traces import CANDIDATE, CHAMPION, HOUR, LABEL_DELAY, Trace
from verdicts import EXPIRED, HELD, PROMOTED, ROLLED_BACK, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINUTE = 60.0
S0_SAMPLES = 6000
S0_GAIN = 0.02
S0_ERROR_LIMIT = 0.02
S0_CALLS = 1500
S0_SLA_MS = 1500.0
LADDER = (0.2, 0.4, 0.6, 0.8)
PATIENCE = 24 * HOUR  # a rule that waits for calls is given a day


def canary_10_percent_5_minutes(trace: Trace) -> Verdict:
    """CodeDeploy: 10 % for five minutes, then everything."""
    return _code_deploy(trace, [(0.1, 5)])


def linear_10_percent_every_1_minute(trace: Trace) -> Verdict:
    """CodeDeploy: 10 % more every minute."""
    return _code_deploy(trace, [(tenth / 10, 1) for tenth in range(1, 10)])


def flagger(trace: Trace) -> Verdict:
    """Flagger: a check a minute, five failed ones end it, every passed one adds 10 % up to 50 %."""
    steps: list[tuple[float, float, float]] = []
    now, share, failed, leaks = 0.0, 0.1, 0, None
    while True:
        window = slice(trace.index(now), trace.index(now + MINUTE))
        mine = trace.route[window] < share
        steps.append((now, now + MINUTE, share))
        now += MINUTE
        faults = trace.faults(CANDIDATE, window, leaks)[mine]
        took = trace.latencies(CANDIDATE, window, leaks)[mine]
        passed = len(faults) > 0 and 1 - faults.mean() >= 0.99 and np.quantile(took, 0.99) <= 500
        if not passed:
            failed += 1
            if failed >= 5:
                return Verdict(ROLLED_BACK, now, _merged(steps))
            continue
        if share >= 0.5:
            return Verdict(PROMOTED, now, _merged(steps))
        share = round(share + 0.1, 1)
        if share == 0.3:
            leaks = now


def argo_with_kayenta(trace: Trace) -> Verdict:
    """Argo Rollouts on S0's ladder: Kayenta every ten minutes, three passes in a row advance, three failures end."""
    steps: list[tuple[float, float, float]] = []
    began, leaks = 0.0, None
    for number, share in enumerate(LADDER):
        if number == 2:
            leaks = began
        failures = successes = errors = 0
        now = began
        while successes < 3:
            now += 10 * MINUTE
            score = kayenta.score(_points(trace, began, now, share, leaks))
            ended = None
            if score is None:
                successes, errors = 0, errors + 1
                ended = ROLLED_BACK if errors > 4 else None  # Argo: consecutiveErrorLimit 4
            elif score >= 90:
                successes, errors = successes + 1, 0
            elif score >= 75:
                ended = HELD  # Argo: an inconclusive analysis pauses until a person decides
            else:
                successes, errors, failures = 0, 0, failures + 1
                ended = ROLLED_BACK if failures > 2 else None
            if ended:
                return Verdict(ended, now, (*steps, (began, now, share)))
        steps.append((began, now, share))
        began = now
    return Verdict(PROMOTED, began, tuple(steps))


def s0_as_stored(trace: Trace) -> Verdict:
    """S0: mean gain in the shadow, then a ladder by call count; its `finally: return` swallows the error rate."""
    return _s0(trace, guarded=False)


def s0_repaired(trace: Trace) -> Verdict:
    """S0 with its error rate looked at every minute, also in the shadow, and its latency at the end of each step."""
    return _s0(trace, guarded=True)


RULES: dict[str, Callable[[Trace], Verdict]] = {
    "AWS Canary10Percent5Minutes": canary_10_percent_5_minutes,
    "AWS Linear10PercentEvery1Minute": linear_10_percent_every_1_minute,
    "Flagger": flagger,
    "Argo + Kayenta": argo_with_kayenta,
    "S0 as stored": s0_as_stored,
    "S0 repaired": s0_repaired,
}


def _code_deploy(trace: Trace, schedule: Sequence[tuple[float, int]]) -> Verdict:
    """The alarm sees exceptions of either version: it is on the alias."""
    steps: list[tuple[float, float, float]] = []
    now, alarming, leaks = 0.0, 0, None
    for number, (share, minutes) in enumerate(schedule):
        if number == 2:
            leaks = now
        began = now
        for _ in range(minutes):
            window = slice(trace.index(now), trace.index(now + MINUTE))
            now += MINUTE
            mine = trace.route[window] < share
            failed = trace.faults(CHAMPION, window) & ~mine
            if trace.fault.raised:
                failed |= trace.faults(CANDIDATE, window, leaks) & mine
            alarming = alarming + 1 if failed.any() else 0
            if alarming == 2:
                return Verdict(ROLLED_BACK, now, (*steps, (began, now, share)))
        steps.append((began, now, share))
    return Verdict(PROMOTED, now, tuple(steps))


def _points(
    trace: Trace, began: float, now: float, share: float, leaks: float | None
) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Errors (weight 50), mean and p95 latency (25 each): a point a minute for either side, the last thirty minutes."""
    since = max(began, now - 30 * MINUTE)
    window = slice(trace.index(since), trace.index(now))
    to_candidate = trace.route[window] < share
    minute = ((trace.time[window] - since) // MINUTE).astype(int)
    sides = []
    for version in (CANDIDATE, CHAMPION):
        mine = to_candidate == (version == CANDIDATE)
        when, took = minute[mine], trace.latencies(version, window, leaks)[mine]
        requests = np.bincount(when, minlength=30)
        served = requests > 0
        errors = np.bincount(when, trace.faults(version, window, leaks)[mine], minlength=30)[served] / requests[served]
        means = np.bincount(when, took, minlength=30)[served] / requests[served]
        order = np.lexsort((took, when))
        ends = np.cumsum(requests)[served]
        ranks = ends - 1 - (requests[served] * 0.05).astype(int)
        sides.append((errors, means, took[order][ranks]))
    return [(weight, *values) for weight, *values in zip((50, 25, 25), *sides, strict=True)]


def _s0(trace: Trace, *, guarded: bool) -> Verdict:
    if trace.fault.per_hour * PATIENCE / HOUR < S0_SAMPLES:
        return Verdict(EXPIRED, PATIENCE, ((0.0, PATIENCE, 0.0),))
    trace.draw(S0_SAMPLES + 1)
    now = float(trace.time[S0_SAMPLES]) + LABEL_DELAY
    shadow = slice(0, S0_SAMPLES)
    scores = [
        (trace.right[version, shadow] & ~trace.null[version, shadow] & ~trace.faults(version, shadow))[
            trace.labelled[shadow]
        ]
        for version in (CHAMPION, CANDIDATE)
    ]
    refused = scores[CANDIDATE].mean() - scores[CHAMPION].mean() <= S0_GAIN
    if guarded:
        refused |= trace.faults(CANDIDATE, shadow).mean() > S0_ERROR_LIMIT
    if refused:
        return Verdict(ROLLED_BACK, now, ((0.0, now, 0.0),))
    steps = [(0.0, now, 0.0)]
    leaks = None
    for number, share in enumerate(LADDER):
        leaks = now if number == 2 else leaks
        first = trace.index(now)
        trace.draw(first + round(2 * S0_CALLS / share))
        window = slice(first, first + round(2 * S0_CALLS / share))
        mine = np.flatnonzero(trace.route[window] < share)[:S0_CALLS]
        times = trace.time[window][mine]
        until = float(times[-1])
        if guarded:
            rate = np.cumsum(trace.faults(CANDIDATE, window, leaks)[mine]) / np.arange(1, S0_CALLS + 1)
            minutes = np.flatnonzero(np.diff((times - now) // MINUTE) > 0)  # the last call of each minute
            over = [call for call in minutes if call >= 50 and rate[call] > S0_ERROR_LIMIT]
            if over:
                until = float(times[over[0]])
                return Verdict(ROLLED_BACK, until, (*steps, (now, until, share)))
            slow = trace.latencies(CANDIDATE, window, leaks)[mine].mean() > S0_SLA_MS
            if slow or rate[-1] > S0_ERROR_LIMIT:
                return Verdict(ROLLED_BACK, until, (*steps, (now, until, share)))
        steps.append((now, until, share))
        now = until
    return Verdict(PROMOTED, now, tuple(steps))


def _merged(steps: list[tuple[float, float, float]]) -> tuple[tuple[float, float, float], ...]:
    """Join minutes of one share."""
    joined: list[tuple[float, float, float]] = []
    for since, until, share in steps:
        if joined and joined[-1][2] == share:
            joined[-1] = (joined[-1][0], until, share)
        else:
            joined.append((since, until, share))
    return tuple(joined)
