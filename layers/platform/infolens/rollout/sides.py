"""Keeps a person on one side of a rollout: a bucket, fixed by the user's key, before a weight that only rises. Pure.

An alias draws each request anew, so that one person would meet both versions by turns. Buckets before two qualifiers
are monotone: who is on the candidate's side stays there while the weight rises, and comes back only when it is lowered.
"""

from __future__ import annotations

import hashlib
from math import lgamma, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infolens.contracts.rollout import AliasState, KeyedSides

BUCKETS = 10_000
"""A hundred for each percent, so that a share of the buckets is a share of the users to a hundredth of a percent."""

_BUCKETS_PER_PERCENT = BUCKETS // 100

RATIO_ALPHA = 0.001
"""Probability that a ratio which is as it should be is ever called broken in one step, however often one looks."""

_CONCENTRATION = 100.0
"""How near to the weight the mixture expects a ratio that is broken: within some five percent points at 20 %."""


def bucket_of(rollout_id: str, user: str) -> int:
    """Give the user's bucket, the same for ever in one rollout; in another one, others share it.

    Were it the same in every rollout, always the same people would be the first to meet a candidate.
    """
    # Lengths keep ("ab", "c") and ("a", "bc") apart, whatever characters the two hold.
    text = f"{len(rollout_id)} {rollout_id} {user}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % BUCKETS


def version_for(bucket: int, alias: AliasState) -> str:
    """Give the version that answers a bucket, at the weight that the alias has."""
    return alias.candidate if bucket < alias.weight * _BUCKETS_PER_PERCENT and alias.candidate else alias.champion


def broken_ratio(sides: KeyedSides | None, weight: int) -> str:
    """Say in words that users do not fall on the two sides as the weight has it; "" while there is no proof of that.

    Then whatever is compared may be of other people, or answers of one side get lost on their way here: nothing that
    rests on the comparison may be done. The test is a mixture over the ratios that may be true, a test martingale, and
    may be looked at any time (Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022).
    It counts buckets and not requests: those of one person are not independent.

    Args:
        sides: counts of the step so far.
        weight: percent of the candidate; a step without two sides has no ratio.
    """
    if sides is None or not 0 < weight < 100:
        return ""
    # Who was met by both came over when the step began: the alias is read a moment after the record.
    candidate, total = sides.candidate, sides.champion + sides.candidate - sides.both
    share = weight / 100
    a, b = _CONCENTRATION * share, _CONCENTRATION * (1 - share)
    evidence = _log_beta(a + candidate, b + total - candidate) - _log_beta(a, b)
    evidence -= candidate * log(share) + (total - candidate) * log(1 - share)
    if evidence < log(1 / RATIO_ALPHA):
        return ""
    return (
        f"{candidate} of {total} keyed users are the candidate's, {share:.0%} should be: the sample ratio is broken, "
        f"so the versions cannot be compared (error probability {RATIO_ALPHA:g})"
    )


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
