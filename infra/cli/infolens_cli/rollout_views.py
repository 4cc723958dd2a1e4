"""How a rollout looks: what is seen of it now, and the page that explains everything it saw and did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.text import Text

from infolens import codec
from infolens_cli import views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from infolens.contracts.rollout import Decision, HistoryEvent, RolloutRecord
    from infolens.rollout.evidence import Evidence

ENDED = ("promoted", "rolled_back", "expired", "aborted")
"""Events that end a rollout."""

_SHOWN_EXAMPLES = 3


def stage(record: RolloutRecord) -> str:
    """The stage in force, in words."""
    if record.step < 0:
        words = "shadow: the candidate answers copies, nobody sees its answers"
    else:
        words = f"{record.step + 1} of {len(record.plan.weights)}: {record.plan.weights[record.step]} %"
    return words + (f", held by {record.held_by}" if record.held_by else "")


def standing(look: Evidence, decision: Decision) -> str:
    """How things stand on one line, for logs and for terminals that cannot redraw."""
    counts = ", ".join(_counts(codec.to_dict(look)))
    return f"step {stage(look.record)}; {counts}; {decision.action.value}"


def live(look: Evidence, decision: Decision) -> RenderableType:
    """What is drawn while a rollout is watched: weight, counts, and every guardrail with its interval."""
    share = look.alias.weight if look.alias else 0
    parts: list[RenderableType] = [
        Text(f"{views.bar(share)} {share} % for version {look.record.candidate}, step {stage(look.record)}"),
        views.arms(look.champion, look.candidate, look.record.plan),
        *(Text(words) for words in _beyond_arms(codec.to_dict(look))),
        Text(f"as things look now: {decision.action.value}", style="bold"),
        *(Text(f"  {reason}", style="dim") for reason in decision.reasons),
    ]
    return Group(*parts)


def document(events: Sequence[HistoryEvent]) -> dict[str, Any]:
    """Everything that a rollout saw and did, as one JSON document."""
    first, last = events[0], events[-1]
    return {
        "task": first.task,
        "rollout_id": first.rollout_id,
        "champion": first.champion,
        "candidate": first.candidate,
        "status": status(events),
        "started_at": first.at,
        "last_at": last.at,
        "plan": first.evidence.get("plan"),
        "events": [codec.to_dict(event) for event in events],
    }


def status(events: Sequence[HistoryEvent]) -> str:
    """How a rollout ended, or "running"."""
    return next((event.event for event in reversed(events) if event.event in ENDED), "running")


def page(events: Sequence[HistoryEvent]) -> str:
    """Everything that a rollout saw and did: each look, every number, and why; oldest first."""
    first = events[0]
    versions = f"version {first.candidate} against {first.champion or 'none'}"
    lines = [
        f"[bold]rollout {escape(first.rollout_id)} of {first.task}[/]: {versions}, {status(events)}",
        *(f"  {escape(words)}" for words in _plan(first.evidence.get("plan"))),
    ]
    for event in events:
        at = event.at[:19].replace("T", " ")
        lines += ["", f"[dim]{at}[/]  [bold]{event.event}[/] at {event.weight} %, by {escape(event.who)}"]
        seen = [*_counts(event.evidence), *_beyond_arms(event.evidence)]
        lines += [f"    {escape(words)}" for words in seen]
        lines += [f"    [dim]{escape(reason)}[/]" for reason in event.reasons]
    return "\n".join(lines)


def _plan(plan: object) -> Iterator[str]:
    if not isinstance(plan, dict):
        return
    shadow = plan.get("shadow")
    if shadow:
        yield f"shadow: {shadow['min_pairs']} pairs within {shadow['max_seconds']} s"
    weights = ", ".join(f"{weight} %" for weight in plan["weights"])
    yield f"steps: {weights}; {plan['min_requests']} requests each, within {plan['max_step_seconds']} s"
    limits = ", ".join(f"{name} {value:g}" for name, value in plan["guardrails"].items() if value is not None)
    yield f"limits: {limits}"


def _counts(evidence: Mapping[str, Any]) -> Iterator[str]:
    for role in ("champion", "candidate"):
        arm = evidence.get(role)
        if arm:
            p95 = "" if arm["latency_p95_ms"] is None else f", p95 {arm['latency_p95_ms']:.0f} ms"
            nulls = f", {arm['nulls']} null" if arm.get("nulls") else ""
            yield f"{role} {arm['version']}: {arm['requests']} requests, {arm['faults']} faults{p95}{nulls}"


def _beyond_arms(evidence: Mapping[str, Any]) -> Iterator[str]:
    pairs, labels = evidence.get("pairs"), evidence.get("labels")
    if pairs:
        yield (
            f"pairs: {pairs['pairs']}, {pairs['agree']} agree; only the candidate failed in "
            f"{pairs['only_candidate_failed']}, only the champion in {pairs['only_champion_failed']}"
        )
        for example in pairs.get("examples", ())[:_SHOWN_EXAMPLES]:
            yield f"  prediction {example['prediction_id']}: {example['champion']} against {example['candidate']}"
    sides = evidence.get("sides")
    if sides:
        met = f"{sides['champion']} met the champion, {sides['candidate']} the candidate, {sides['both']} both"
        yield f"keyed users: {met}"
    if labels and labels["differences"]:
        counts = {int(hundredths): count for hundredths, count in labels["differences"].items()}
        better = sum(count for difference, count in counts.items() if difference > 0)
        worse = sum(count for difference, count in counts.items() if difference < 0)
        yield (
            f"labels: {sum(counts.values())} of {labels['pairs']} pairs; candidate better in {better}, worse in {worse}"
        )
