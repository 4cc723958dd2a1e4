"""Judges a candidate: (report, parity, gates) -> verdict with reasons. Pure; a gate without evidence refuses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from infolens.contracts.evaluation import NO_LIMIT, QUANTISATION_LOSS, Direction, GateResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.evaluation import (
        EvaluationReport,
        Gate,
        PairedDifference,
        ParityGate,
        ParityReport,
        Quantisation,
    )
    from infolens.contracts.load import LoadGate, LoadReport, LoadWindow

_QUANTISATION = "quantisation"

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
        *_judge_quantisation(report, gates),
        *(result for gate in gates for result in _judge_gate(report, gate)),
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


def judge_load(report: LoadReport, gate: LoadGate) -> tuple[GateResult, ...]:
    """Hold a load test against its gate: evidence, success, p95, rate.

    Failures count wherever they happened. Latency and rate are those of the best window: whatever else a machine does
    only ever makes answers slower (ADR 0021). Users in a closed loop who wait for the limit of latency each time reach
    users / limit requests a second (Little's law), so no more than that is asked of them.
    """
    asked = [report.warm_up, *report.windows]
    requests, answered = (sum(getattr(window, name) for window in asked) for name in ("requests", "answered"))
    kinds = "; ".join(sorted({window.failures.words() for window in asked} - {"none"})) or "no failure"
    success = GateResult(
        "load success",
        requests > 0 and answered >= gate.min_success * requests - _ROUNDING,
        f"{answered} of {requests} requests answered, at least {gate.min_success:.1%} needed: {kinds}",
    )
    enough = [window for window in report.windows if window.warm.count >= max(1, gate.min_requests)]
    if not enough:
        most = max((window.warm.count for window in report.windows), default=0)
        told = f"{most} warm answers; at least {max(1, gate.min_requests)} in one window are needed as evidence"
        return (success, GateResult("load requests", False, told))
    rate = min(gate.min_requests_per_second, 1000 * report.users / gate.max_p95_ms)
    best = _best_window(enough, gate, rate)
    where = f"{report.users} users for {best.seconds:.1f} s, n={best.warm.count}, best of {len(report.windows)}"
    return (
        success,
        GateResult("load requests", True, f"{best.warm.count} warm answers, {best.cold.count} cold ones apart"),
        GateResult(
            "load p95",
            best.warm.p95_ms <= gate.max_p95_ms,
            f"{best.warm.p95_ms:.0f} ms, at most {gate.max_p95_ms:.0f} ms, {where}",
        ),
        GateResult(
            "load rate",
            best.per_second >= rate - _ROUNDING,
            f"{best.per_second:.1f} answers a second, at least {rate:.1f} needed, {where}",
        ),
    )


def _best_window(windows: Sequence[LoadWindow], gate: LoadGate, rate: float) -> LoadWindow:
    """Choose the window that holds both limits, or else the one with the lowest p95."""
    return min(
        windows,
        key=lambda seen: (not (seen.warm.p95_ms <= gate.max_p95_ms and seen.per_second >= rate), seen.warm.p95_ms),
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


def _judge_quantisation(report: EvaluationReport, gates: Sequence[Gate]) -> tuple[GateResult, ...]:
    """Hold each gated metric of the bundle to that of its graphs in 32 bits, on the same rows."""
    found = report.quantisation
    if found is None:
        return (GateResult(_QUANTISATION, False, "the report does not say what quantised weights cost"),)
    if not found.exact_digest:
        return (GateResult(_QUANTISATION, True, f"none: {found.how}"),)
    directions = {gate.metric: gate.direction for gate in gates if not gate.slice}
    if not directions:
        return (GateResult(_QUANTISATION, False, "the task gates no metric of all rows that could show its cost"),)
    return tuple(_judge_cost(report, found, metric, direction) for metric, direction in directions.items())


def _judge_cost(report: EvaluationReport, found: Quantisation, metric: str, direction: Direction) -> GateResult:
    name = f"{_QUANTISATION} {metric}"
    mine, exact = report.metrics.get(metric, math.nan), found.exact_metrics.get(metric, math.nan)
    if not (math.isfinite(mine) and math.isfinite(exact)):
        return GateResult(name, False, f"quantised {mine}, in 32 bits {exact}: no numbers to judge by")
    loss = exact - mine if direction is Direction.HIGHER else mine - exact
    one_row = found.one_row.get(metric, 0.0)
    accepted = max(QUANTISATION_LOSS, one_row if math.isfinite(one_row) else 0.0)
    words = f"quantised {mine:.4f}, in 32 bits {exact:.4f}, n={report.rows}, a loss of {accepted:.4f} accepted"
    if accepted > QUANTISATION_LOSS:
        words += " (one row's worth)"
    met = loss <= accepted + _ROUNDING
    return GateResult(name, met, words if met else f"{words}: quantised weights cost too much ({found.how})")


def _judge_gate(report: EvaluationReport, gate: Gate) -> tuple[GateResult, ...]:
    """Hold the metric as a whole, or on each slice that the gate names, to its demands."""
    if misuse := _misuse(gate):
        return (GateResult(_name(gate), False, misuse),)
    if not gate.slice:
        seen = Seen(gate.metric, report.metrics, report.rows, report.champion_differences)
        return (_judge_metric(report, gate, seen),)
    matching = {name: report.slices[name] for name in sorted(report.slices) if fnmatchcase(name, gate.slice)}
    rows = {name: _rows_of(values) for name, values in matching.items()}
    enough = {name: values for name, values in matching.items() if rows[name] >= max(1, gate.min_rows)}
    few = ", ".join(f"{name} n={rows[name]}" for name in matching if name not in enough)
    if not enough:
        problem = f"too few rows in {few}; at least {max(1, gate.min_rows)} are needed" if few else _no_slice(report)
        return (GateResult(_name(gate), False, problem),)
    results = tuple(
        _judge_metric(
            report,
            gate,
            Seen(f"{gate.metric} on {name}", values, rows[name], report.champion_slice_differences.get(name, {})),
        )
        for name, values in enough.items()
    )
    if few:
        told = f"{len(enough)} slices judged; not judged, with fewer than {gate.min_rows} rows: {few}"
        results += (GateResult(_name(gate), True, told),)
    return results


@dataclass(frozen=True)
class Seen:
    """What the report says of all rows, or of one slice."""

    gate: str
    """What the result is called."""
    metrics: Mapping[str, float]
    rows: int
    differences: Mapping[str, PairedDifference]


def _judge_metric(report: EvaluationReport, gate: Gate, seen: Seen) -> GateResult:
    value, problem = _evidence(seen.metrics, gate, seen.rows)
    if problem:
        return GateResult(seen.gate, False, problem)
    demands = [_limit(gate, value)]
    if gate.max_gap is not None:
        demands.append(_gap(gate, value, report.metrics.get(gate.metric, math.nan), gate.max_gap))
    if gate.max_loss is not None and report.champion_digest:
        demands.append(_loss(gate, seen, gate.max_loss))
    words = "; ".join([f"{value:.4f}{demands[0][1]}, n={seen.rows}", *(words for _, words in demands[1:])])
    refusals = [met for met, _ in demands if met]
    return GateResult(seen.gate, not refusals, f"{words}: {' and '.join(refusals)}" if refusals else words)


def _limit(gate: Gate, value: float) -> tuple[str, str]:
    """Hold the value to the gate's limit -> ("" or why it refuses, the limit in words)."""
    if gate.limit == NO_LIMIT:
        return "", ""
    higher = gate.direction is Direction.HIGHER
    # Asked for what must hold, so that a limit which is no number refuses instead of passing everything.
    met = value >= gate.limit if higher else value <= gate.limit
    refusal = "" if met else "below the floor" if higher else "above the ceiling"
    return refusal, f", {'floor' if higher else 'ceiling'} {gate.limit:.4f}"


def _gap(gate: Gate, value: float, overall: float, accepted: float) -> tuple[str, str]:
    """Hold a slice to all rows."""
    if not math.isfinite(overall):
        return "no gap can be ruled out", "the metric on all rows is missing"
    gap = overall - value if gate.direction is Direction.HIGHER else value - overall
    refusal = "" if gap <= accepted + _ROUNDING else "too far behind all rows"
    return refusal, f"all rows {overall:.4f}, gap {gap:+.4f}, at most {accepted:.4f} accepted"


def _loss(gate: Gate, seen: Seen, accepted: float) -> tuple[str, str]:
    """Ask whether a loss larger than is accepted has been ruled out: being unsure is not being as good."""
    difference = seen.differences.get(gate.metric)
    if difference is None or not all(map(math.isfinite, (difference.value, difference.low, difference.high))):
        return "no loss can be ruled out", "the paired difference from the champion is missing"
    # As a gain: what is better is positive, whatever the metric's own direction.
    higher = gate.direction is Direction.HIGHER
    gain, surely = (difference.value, difference.low) if higher else (-difference.value, -difference.high)
    words = (
        f"against the champion {difference.value:+.4f}, {difference.level:.0%} bounds {difference.low:+.4f} to "
        f"{difference.high:+.4f} on n={difference.rows} pairs, a loss of {accepted:.4f} accepted"
    )
    if difference.rows < max(1, gate.min_rows):
        return f"at least {max(1, gate.min_rows)} pairs are needed as evidence", words
    if difference.units != difference.rows:
        words += f" ({difference.units} independent units)"
    if surely >= -accepted - _ROUNDING:
        return "", words
    if gain <= -accepted:
        return "worse than the champion", words
    needed = _two_digits(difference.rows * ((gain - surely) / (gain + accepted)) ** 2)
    return f"a larger loss is not ruled out; with the same answers some {needed} rows would do it", words


def _two_digits(number: float) -> str:
    """Round up to two digits: it is a guess."""
    step = 10.0 ** max(0, math.floor(math.log10(number)) - 1)
    return f"{math.ceil(number / step) * step:,.0f}"


def _misuse(gate: Gate) -> str:
    """Say what is wrong with a gate that could not refuse; "" when it is in order."""
    if gate.max_gap is not None and not gate.slice:
        return "max_gap compares a slice with all rows, and the gate names no slice"
    if gate.limit == NO_LIMIT and gate.max_gap is None and gate.max_loss is None:
        return "the gate asks for nothing"
    bounds = [bound for bound in (gate.max_gap, gate.max_loss) if bound is not None]
    return "" if all(math.isfinite(bound) for bound in bounds) else f"{bounds} are no numbers to judge by"


def _name(gate: Gate) -> str:
    return f"{gate.metric} on {gate.slice}" if gate.slice else gate.metric


def _no_slice(report: EvaluationReport) -> str:
    return f"the report has no such slice; it has {', '.join(sorted(report.slices)) or 'none'}"


def _rows_of(values: Mapping[str, float]) -> int:
    rows = values.get("rows", 0.0)
    return int(rows) if math.isfinite(rows) else 0


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
