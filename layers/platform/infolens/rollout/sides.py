"""Keeps a person on one side of a rollout: a bucket, fixed by the user's key, before a weight that only rises. Pure.

An alias draws each request anew, so that one person would meet both versions by turns. Buckets before two qualifiers
are monotone: who is on the candidate's side stays there while the weight rises, and comes back only when it is lowered.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infolens.contracts.rollout import AliasState

BUCKETS = 10_000
"""A hundred for each percent, so that a share of the buckets is a share of the users to a hundredth of a percent."""

_BUCKETS_PER_PERCENT = BUCKETS // 100


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
