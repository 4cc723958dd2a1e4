"""Judges how often something bad happened: errors and null answers, by themselves and against the champion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.rollout.assessment import Assessment, Finding, judge, percent, unclear
from infolens.rollout.budget import ALPHA_PROMOTE
from infolens.rollout.comparison import bound_mean, bound_rates, mean_of, weigh_mean, weigh_rates
from infolens.rollout.confidence import lower_bound, upper_bound, weigh_rate

if TYPE_CHECKING:
    from infolens.contracts.rollout import Arm, Pairs


def assess_rate(name: str, limit: float, counts: tuple[int, int], alpha: float) -> Assessment:
    """Hold a rate against a limit of its own.

    Args:
        name: what is counted, in words.
        limit: in (0, 1).
        counts: events and trials, at least one trial.
        alpha: probability of a wrong proof that the rate is over the limit.
    """
    events, trials = counts
    weight = weigh_rate(events, trials, limit, limit)
    return judge(
        Finding(
            seen=lambda: f"{name} {percent(events / trials)} ({events} of {trials}), limit {percent(limit)}",
            least=lambda: percent(lower_bound(events, trials, alpha, limit)),
            most=lambda: percent(upper_bound(events, trials, ALPHA_PROMOTE, limit)),
            over=events > limit * trials,
            weight=weight,
            requests=trials,
        ),
        alpha,
    )


def assess_increase(
    name: str, margin: float, champion: tuple[int, int], candidate: tuple[int, int], alpha: float
) -> Assessment:
    """Hold the candidate's rate against the champion's, on different requests.

    Args:
        name: what is counted, in words.
        margin: accepted increase, in (0, 1).
        champion: events and trials, at least one trial.
        candidate: events and trials, at least one trial.
        alpha: probability of a wrong proof that the increase is over the margin.
    """
    (k1, n1), (k2, n2) = champion, candidate
    weight = weigh_rates(champion, candidate, margin, margin)
    return judge(
        Finding(
            seen=lambda: (
                f"{name} {percent(k2 / n2)} ({k2} of {n2}) against the champion's {percent(k1 / n1)} ({k1} of {n1}), "
                f"increase {percent(k2 / n2 - k1 / n1)}, accepted {percent(margin)}"
            ),
            least=lambda: percent(bound_rates(champion, candidate, alpha, margin, above=False)),
            most=lambda: percent(bound_rates(champion, candidate, ALPHA_PROMOTE, margin, above=True)),
            over=k2 / n2 - k1 / n1 > margin,
            weight=weight,
            requests=n2,
        ),
        alpha,
    )


def assess_paired_increase(name: str, margin: float, only: tuple[int, int], pairs: int, alpha: float) -> Assessment:
    """Hold the candidate's rate against the champion's, on the same requests.

    Args:
        name: what is counted, in words.
        margin: accepted increase, in (0, 1).
        only: pairs in which it happened to the champion alone, and to the candidate alone.
        pairs: all pairs, at least one.
        alpha: probability of a wrong proof that the increase is over the margin.
    """
    theirs, ours = only
    differences = {1.0: ours, -1.0: theirs, 0.0: pairs - ours - theirs}
    seen = mean_of(differences)
    return judge(
        Finding(
            seen=lambda: (
                f"{name} on the same {pairs} requests: the candidate alone {ours}, the champion alone {theirs}, "
                f"increase {percent(seen)}, accepted {percent(margin)}"
            ),
            least=lambda: percent(bound_mean(differences, alpha, above=False)),
            most=lambda: percent(bound_mean(differences, ALPHA_PROMOTE, above=True)),
            over=seen > margin,
            weight=weigh_mean(differences, margin, below=seen <= margin),
            requests=pairs,
        ),
        alpha,
    )


def assess_nulls(margin: float, champion: Arm, candidate: Arm, pairs: Pairs | None, alpha: float) -> Assessment:
    """Hold null, empty or degenerate answers against the champion's, paired where pairs tell."""
    if pairs is not None and pairs.only_candidate_null is not None and pairs.only_champion_null is not None:
        only = (pairs.only_champion_null, pairs.only_candidate_null)
        return assess_paired_increase("null answers", margin, only, pairs.pairs, alpha)
    if champion.nulls is None or candidate.nulls is None:
        missing = candidate if candidate.nulls is None else champion
        return unclear(f"null answers of version {missing.version} are not counted: nothing to compare")
    theirs, ours = (champion.nulls, champion.requests), (candidate.nulls, candidate.requests)
    return assess_increase("null answers", margin, theirs, ours, alpha)
