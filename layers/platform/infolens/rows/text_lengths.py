"""Keeps the lengths of any number of texts in some hundred bins, so that parts of a data set can be added up. Pure.

A bin is as wide as 4 % of its lengths, so that a quantile read from the bins is wrong by 2 % at most whatever the
lengths are (DDSketch: Masson, Rim and Lee, 2019, https://arxiv.org/abs/1908.10693). Bins are kept under their numbers
as text, as JSON keeps names; those without a text are left out.
"""

from __future__ import annotations

import collections
import itertools
import math
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ACCURACY = 0.02
"""Largest error of a quantile, relative to it; half a character of rounding comes on top."""

_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)

QUANTILES = {"p05": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
"""What a report says of the lengths of its texts."""


def length_bins(texts: Iterable[str]) -> dict[str, int]:
    """Count texts by the bin of their length."""
    return bins_of_lengths(map(len, texts))


def bins_of_lengths(lengths: Iterable[int]) -> dict[str, int]:
    """Count lengths, in characters, by their bins."""
    return bins_of_counts(collections.Counter(lengths))


def bins_of_counts(counts: Mapping[int, int]) -> dict[str, int]:
    """Count lengths, in characters, by their bins, where it is known how often each comes."""
    bins: collections.Counter[str] = collections.Counter()
    for length, count in counts.items():
        bins[_bin_of(length)] += count
    return merged([bins])


def merged(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up the bins of several sets of texts; the bins ascend."""
    bins: collections.Counter[str] = collections.Counter()
    for one in several:
        bins.update(one)
    return {name: bins[name] for name in sorted(bins, key=int) if bins[name]}


def quantiles(bins: Mapping[str, int]) -> dict[str, int]:
    """Give the quantiles of `QUANTILES` in characters, within 2 %; of no text, nothing."""
    ascending = sorted(bins, key=int)
    below = list(itertools.accumulate(bins[name] for name in ascending))
    if not below or not below[-1]:
        return {}
    last = below[-1] - 1  # ranks count from 0
    held = {name: ascending[bisect_right(below, share * last)] for name, share in QUANTILES.items()}
    return {name: _length_of(int(number)) for name, number in held.items()}


def _bin_of(length: int) -> str:
    """Give the bin of a length: bin k > 0 ends with the (k-1)st power of 1.02/0.98, and bin 0 holds empty texts."""
    return str(math.ceil(math.log(length, _GROWTH)) + 1 if length else 0)


def _length_of(number: int) -> int:
    """Give the length of a bin that is equally far from both of its ends, relative to them."""
    return round(2 * _GROWTH ** (number - 1) / (_GROWTH + 1)) if number else 0
