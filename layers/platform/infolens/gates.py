"""Judges a candidate: (report, parity, gates) -> verdict with reasons. Pure; a gate without evidence refuses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from infolens.contracts.evaluation import Direction, GateResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.evaluation import EvaluationReport, Gate, ParityGate, ParityReport

_ROUNDING = 1e-9
"""0.80 - 0.78 is a little more than 0.02 in binary floating point; the limit itself must pass."""


def judge(  # noqa: PLR0913 - the verdict names all that it rests on
    report: EvaluationReport,
    parity: ParityReport,
    gates: Sequence[Gate],
    parity_gate: ParityGate,
    *,
    bundle_digest: str,
    champion_digest: str,
) -> Verdict:
    """Let every gate speak about one candidate.

    Args:
        report: metrics of the candidate, and of the champion, on the same held-out rows.
        parity: the exported bundle against the trained model.
        gates: the task's demands; none at all refuses, since then nothing would have been shown.
        parity_gate: the task's demand on parity.
        bundle_digest: digest of the bundle as it lies in the models bucket, the one that would serve.
        champion_digest: digest of the bundle that serves at present; "" when none does.
    """
    results = (
        _same_bundle(report, parity, bundle_digest),
        _same_champion(report, champion_digest),
        *judge_parity(parity, parity_gate),
        *(_judge_metric(report, gate) for gate in gates),
    )
    if not gates:
        results += (GateResult("gates", False, "the task states no gate, so nothing was shown"),)
    return Verdict(all(result.passed for result in results), results)


def judge_parity(parity: ParityReport, gate: ParityGate) -> tuple[GateResult, ...]:
    """Hold the parity report against its gate: rows, mean difference, share of changed answers."""
    return (
        _at_least("parity rows", parity.rows, max(1, gate.min_rows), "inputs compared"),
        _at_most("parity mean difference", parity.mean_difference, gate.max_mean_difference, parity.rows),
        _at_most("parity label flips", parity.label_flips, gate.max_label_flips, parity.rows),
    )


def refusals(verdict: Verdict) -> tuple[str, ...]:
    """Reasons of the gates that refused, each with its gate's name."""
    return tuple(f"{result.gate}: {result.reason}" for result in verdict.results if not result.passed)


def reasons(verdict: Verdict) -> tuple[str, ...]:
    """Reasons of all gates, refusals first."""
    ordered = sorted(verdict.results, key=lambda result: result.passed)
    return tuple(f"{result.gate}: {result.reason}" for result in ordered)


def _same_bundle(report: EvaluationReport, parity: ParityReport, digest: str) -> GateResult:
    seen = {"bundle": digest, "evaluation": report.bundle_digest, "parity": parity.bundle_digest}
    words = ", ".join(f"{name} {value[:12] or 'none'}" for name, value in seen.items())
    same = bool(digest) and len(set(seen.values())) == 1
    return GateResult("bundle digest", same, f"{words}: {'one bundle' if same else 'not one and the same bundle'}")


def _same_champion(report: EvaluationReport, digest: str) -> GateResult:
    # A report that left the champion out would let every comparison with it pass unseen.
    if report.champion_digest == digest:
        return GateResult("champion", True, f"compared with {digest[:12]}" if digest else "there is none yet")
    return GateResult(
        "champion",
        False,
        f"{digest[:12] or 'nobody'} serves, but the report compares with {report.champion_digest[:12] or 'nobody'}",
    )


def _judge_metric(report: EvaluationReport, gate: Gate) -> GateResult:
    value, problem = _evidence(report.metrics, gate, report.rows)
    if problem:
        return GateResult(gate.metric, False, problem)
    higher = gate.direction is Direction.HIGHER
    limit_name = "floor" if higher else "ceiling"
    words = f"{value:.4f}, {limit_name} {gate.limit:.4f}, n={report.rows}"
    # Asked for what must hold, so that a limit which is no number refuses instead of passing everything.
    if not (value >= gate.limit if higher else value <= gate.limit):
        return GateResult(gate.metric, False, f"{words}: {'below the floor' if higher else 'above the ceiling'}")
    if gate.max_loss is None or not report.champion_digest:
        return GateResult(gate.metric, True, words)
    champion = report.champion_metrics.get(gate.metric, math.nan)
    if not math.isfinite(champion):
        return GateResult(gate.metric, False, f"{words}; the champion's value is missing, so no loss can be ruled out")
    loss = champion - value if higher else value - champion
    words += f"; champion {champion:.4f}, loss {loss:+.4f}, at most {gate.max_loss:.4f} accepted"
    return GateResult(gate.metric, loss <= gate.max_loss + _ROUNDING, words)


def _evidence(metrics: Mapping[str, float], gate: Gate, rows: int) -> tuple[float, str]:
    """Value of the gate's metric, and why it is no evidence ("" when it is)."""
    least = max(1, gate.min_rows)
    if gate.metric not in metrics:
        return math.nan, f"the report has no such metric; it has {', '.join(sorted(metrics)) or 'none'}"
    value = metrics[gate.metric]
    if not math.isfinite(value):
        return value, f"{value} is no number to judge by, n={rows}"
    if rows < least:
        return value, f"{value:.4f} on n={rows} rows; at least {least} are needed as evidence"
    return value, ""


def _at_least(name: str, value: int, limit: int, unit: str) -> GateResult:
    return GateResult(name, value >= limit, f"{value} {unit}, at least {limit} needed")


def _at_most(name: str, value: float, limit: float, rows: int) -> GateResult:
    if not math.isfinite(value) or value < 0:
        return GateResult(name, False, f"{value} is no difference to judge by, n={rows}")
    return GateResult(name, value <= limit, f"{value:.4f}, at most {limit:.4f}, n={rows}")
