"""Judges every guardrail that a plan asks for, on the evidence of one look.

A guardrail is proved to be kept, proved to be broken, or neither. Only proof takes a candidate back, and only proof of
every one of them lets it advance. Each proof may be looked for at any time and any often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.rollout.assessment import Assessment, Outcome, requests, unclear
from infolens.rollout.budget import ALPHA, alpha_of
from infolens.rollout.latency import LATENCY_QUANTILE, assess_latency, assess_latency_ratio, assess_typical
from infolens.rollout.mix import assess_mix
from infolens.rollout.quality import assess_quality
from infolens.rollout.rates import assess_increase, assess_nulls, assess_paired_increase, assess_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infolens.contracts.rollout import Pairs
    from infolens.rollout.evidence import Evidence

__all__ = ["ALPHA", "LATENCY_QUANTILE", "MIN_LOOK_REQUESTS", "Assessment", "Outcome", "assess"]

MIN_LOOK_REQUESTS = 10
"""Fewer requests than this are not judged at all, on either side: one bad start of one environment is no verdict."""


def assess(look: Evidence) -> tuple[Assessment, ...]:
    """Judge all guardrails on what was seen so far within the step; quality, on all labels of the rollout."""
    candidate = look.candidate
    if candidate.requests < MIN_LOOK_REQUESTS:
        return (
            unclear(
                f"version {candidate.version} answered {requests(candidate)}, {MIN_LOOK_REQUESTS} are needed to look"
            ),
        )
    return tuple(_assess_enough(look, alpha_of(look.record.plan)))


def in_shadow(look: Evidence) -> bool:
    """Whether the candidate answers copies only."""
    return look.record.step < 0 and look.record.plan.shadow is not None


def _assess_enough(look: Evidence, alpha: float) -> Iterator[Assessment]:
    limits, champion, candidate = look.record.plan.guardrails, look.champion, look.candidate
    # Only the shadow makes pairs. The few that come in after it would be too few, and choosing by what was seen is a
    # second chance that no error budget knows of.
    pairs = look.pairs if in_shadow(look) else None
    yield assess_rate("error rate", limits.max_error_rate, (candidate.faults, candidate.requests), alpha)
    yield assess_latency(limits.max_latency_ms, candidate, alpha)
    if champion.requests < MIN_LOOK_REQUESTS:
        seen = f"champion {champion.version} answered {requests(champion)}"
        yield unclear(f"{seen}, {MIN_LOOK_REQUESTS} are needed to compare with it")
        return
    if in_shadow(look) and (pairs is None or pairs.pairs < MIN_LOOK_REQUESTS):
        yield unclear("too few requests were answered by both versions to compare them")
        return
    yield _error_rate_increase(look, pairs, alpha)
    yield assess_latency_ratio(limits.max_latency_ratio, champion, candidate)
    if limits.max_null_rate_increase is not None:
        yield assess_nulls(limits.max_null_rate_increase, champion, candidate, pairs, alpha)
    if limits.max_mix_shift is not None:
        yield assess_mix(limits.max_mix_shift, champion, candidate, pairs, alpha)
    if pairs is not None:
        slower, costlier = (pairs.slower, pairs.timed), (pairs.costlier, pairs.timed)
        yield assess_typical("warm latency", limits.max_latency_ratio, slower, alpha)
        if limits.max_cost_ratio is not None:
            yield assess_typical("cost", limits.max_cost_ratio, costlier, alpha)
    if limits.max_quality_loss is not None:
        proved = look.record.plan.shadow is not None and not in_shadow(look)
        yield assess_quality(limits.max_quality_loss, champion, candidate, look.labels, alpha, proved=proved)


def _error_rate_increase(look: Evidence, pairs: Pairs | None, alpha: float) -> Assessment:
    margin = look.record.plan.guardrails.max_error_rate_increase
    if pairs is not None:
        only = (pairs.only_champion_failed, pairs.only_candidate_failed)
        return assess_paired_increase("errors", margin, only, pairs.pairs, alpha)
    theirs, ours = ((arm.faults, arm.requests) for arm in (look.champion, look.candidate))
    return assess_increase("error rate", margin, theirs, ours, alpha)
