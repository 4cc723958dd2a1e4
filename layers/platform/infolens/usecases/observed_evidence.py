"""Turns what was observed of single requests into the counts that a rollout is decided on. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infolens.contracts.observation import LIVE, SHADOW
from infolens.contracts.rollout import Disagreement, KeyedSides, Labels, Pairs
from infolens.rollout.evidence import rounded_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from infolens.contracts.observation import Joined, Side
    from infolens.contracts.rollout import Arm, Plan, RolloutRecord

MOST_ANSWERS = 20
"""Answers that are told apart; what is rarer is `OTHER`."""
OTHER = "other"

MOST_EXAMPLES = 10
"""Disagreements that are shown to a person."""

LEAST_SEEN = 0.9
"""Share of a version's requests that must have been observed for their null answers to say something about all of them.
Batches are asked without being observed, and would make null answers look rare."""


@dataclass(frozen=True)
class Observed:
    """The part of a look that comes from observations."""

    champion: Arm
    candidate: Arm
    pairs: Pairs | None
    labels: Labels | None
    sides: KeyedSides | None


def observed(champion: Arm, candidate: Arm, record: RolloutRecord, joined: Sequence[Joined]) -> Observed:
    """Add to two arms what was observed of them in the present step, and say what pairs and labels tell.

    Args:
        champion: what CloudWatch counted in the present step.
        candidate: likewise.
        record: the rollout; its step began at `step_started_at`.
        joined: every joined record since the rollout began. Labels count from there, since they come late.
    """
    step = [one for one in joined if one.at >= record.step_started_at]
    ours = [one.candidate for one in step if one.candidate is not None]
    theirs = [one.champion for one in step if one.champion is not None]
    names = _most_frequent(side.kind for side in (*ours, *theirs) if side.kind)
    shadowed = record.plan.shadow is not None
    in_shadow = shadowed and record.step < 0  # later on no copies are made, and the last ones to come say little
    return Observed(
        champion=_arm(champion, theirs, names, record.plan),
        candidate=_arm(candidate, ours, names, record.plan),
        pairs=_pairs(_paired(step), names, record.plan) if in_shadow else None,
        labels=_labels(_paired(joined)) if shadowed else None,
        sides=_sides(theirs, ours) if record.plan.sticky else None,
    )


def _paired(joined: Iterable[Joined]) -> list[tuple[Joined, Side, Side]]:
    """Give requests that one version answered to a user and the other one in the shadow, oldest first.

    Two answers to users under one id are two requests, perhaps with different inputs.
    """
    found = [(one, one.champion, one.candidate) for one in joined]
    pairs = [
        (one, champion, candidate)
        for one, champion, candidate in found
        if champion is not None
        and candidate is not None
        and (champion.purpose == SHADOW) != (candidate.purpose == SHADOW)
    ]
    return sorted(pairs, key=lambda pair: (pair[0].at, pair[0].prediction_id))


def _arm(arm: Arm, sides: Sequence[Side], names: frozenset[str], plan: Plan) -> Arm:
    if not sides:
        return arm
    warm = [side for side in sides if not side.cold and not side.failed]
    scores = [side.score for side in sides if side.score is not None]
    whole = all(score in {0.0, 1.0} for score in scores)  # a score in between is neither right nor wrong
    return replace(
        arm,
        warm=len(warm),
        slow=sum(side.milliseconds > plan.guardrails.max_latency_ms for side in warm),
        nulls=sum(side.null for side in sides) if len(sides) >= LEAST_SEEN * arm.requests else None,
        answers=dict(Counter(_name(side.kind, names) for side in sides if side.kind)) if names else None,
        gb_ms=sum(side.milliseconds * side.gb for side in sides),
        labelled=len(scores) if whole else None,
        right=int(sum(scores)) if whole else None,
    )


def _pairs(pairs: Sequence[tuple[Joined, Side, Side]], names: frozenset[str], plan: Plan) -> Pairs:
    def only(what: Callable[[Side], bool]) -> tuple[int, int]:
        """Count pairs in which it is so of the candidate alone, and of the champion alone."""
        seen = Counter((what(champion), what(candidate)) for _, champion, candidate in pairs)
        return seen[False, True], seen[True, False]

    failed, null = only(lambda side: side.failed), only(lambda side: side.null)
    timed = [
        (champion, candidate)
        for _, champion, candidate in pairs
        if not (champion.cold or candidate.cold or champion.failed or candidate.failed)
    ]
    limits = plan.guardrails
    moved = [
        (_name(champion.kind, names), _name(candidate.kind, names))
        for _, champion, candidate in pairs
        if champion.kind and candidate.kind
    ]
    differ = [(one, two) for one, two in moved if one != two]
    return Pairs(
        pairs=len(pairs),
        agree=sum(one.agree is True for one, _, _ in pairs),
        only_candidate_failed=failed[0],
        only_champion_failed=failed[1],
        only_candidate_null=null[0],
        only_champion_null=null[1],
        timed=len(timed),
        slower=sum(two.milliseconds > limits.max_latency_ratio * one.milliseconds for one, two in timed),
        costlier=None
        if limits.max_cost_ratio is None
        else sum(_cost(two) > limits.max_cost_ratio * _cost(one) for one, two in timed),
        gained=dict(Counter(two for _, two in differ)) if moved else None,
        lost=dict(Counter(one for one, _ in differ)) if moved else None,
        examples=tuple(
            Disagreement(one.prediction_id, champion.answer, candidate.answer)
            for one, champion, candidate in pairs
            if one.agree is False
        )[:MOST_EXAMPLES],
    )


def _sides(champion: Sequence[Side], candidate: Sequence[Side]) -> KeyedSides:
    theirs, ours = (
        {side.bucket for side in sides if side.bucket is not None and side.purpose == LIVE}
        for sides in (champion, candidate)
    )
    return KeyedSides(len(theirs), len(ours), len(theirs & ours))


def _labels(pairs: Sequence[tuple[Joined, Side, Side]]) -> Labels:
    differences = Counter(
        rounded_difference(candidate.score - champion.score, dice(one.prediction_id))
        for one, champion, candidate in pairs
        if champion.score is not None and candidate.score is not None
    )
    return Labels(dict(sorted(differences.items())), len(pairs))


def dice(prediction_id: str) -> float:
    """Give a number in [0, 1) that is always the same for one prediction, and as good as random over many."""
    return int.from_bytes(hashlib.sha256(f"dice {prediction_id}".encode()).digest()[:6]) / 2**48


def _most_frequent(kinds: Iterable[str]) -> frozenset[str]:
    # Ties are broken by name, so that the same observations always give the same counts.
    ranked = sorted(Counter(kinds).items(), key=lambda item: (-item[1], item[0]))
    return frozenset(name for name, _ in ranked[:MOST_ANSWERS])


def _name(kind: str, names: frozenset[str]) -> str:
    return kind if kind in names else OTHER


def _cost(side: Side) -> float:
    return side.milliseconds * side.gb
