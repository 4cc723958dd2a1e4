"""Quantiles of text lengths from few bins are near the true ones, however the texts were divided."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.rows.text_lengths import ACCURACY, QUANTILES, length_bins, merged, quantiles

LENGTHS = st.lists(st.integers(0, 70_000), min_size=1, max_size=60)


def bins_of(lengths: list[int]) -> dict[str, int]:
    """Bins of texts with these lengths."""
    return length_bins("x" * length for length in lengths)


@given(lengths=LENGTHS)
def test_quantiles_are_within_two_percent(lengths):
    """Each quantile is off by 2 % of the true length, and half a character of rounding, at most."""
    found = quantiles(bins_of(lengths))
    for name, share in QUANTILES.items():
        true = sorted(lengths)[math.floor(share * (len(lengths) - 1))]
        assert abs(found[name] - true) <= ACCURACY * true + 0.5


@given(first=LENGTHS, second=LENGTHS)
def test_adding_up(first, second):
    """Bins of two sets of texts add up to those of both."""
    whole = bins_of(first + second)
    assert merged([bins_of(first), bins_of(second)]) == whole
    assert sum(whole.values()) == len(first + second)
    assert list(whole) == sorted(whole, key=int)


def test_few_bins():
    """Lengths up to ten million need some four hundred bins; the first are those of no and of one character."""
    assert int(*bins_of([10_000_000])) < 410
    assert bins_of([0, 1, 1]) == {"0": 1, "1": 2}


@pytest.mark.parametrize("length", [0, 1, 2, 3, 15, 600, 12_000])
def test_one_length(length):
    """Where all texts are of one length, all quantiles are that length, within 2 %."""
    expected = pytest.approx(length, rel=ACCURACY, abs=0.5)
    assert quantiles(bins_of([length] * 3)) == dict.fromkeys(QUANTILES, expected)


def test_no_text():
    """No text has no lengths."""
    assert quantiles({}) == {}
    assert length_bins([]) == {}
    assert merged([]) == {}
