"""Numbers as tables show them."""

import pytest

from infolens_cli import figures


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (1_000_000_000, "1.0 GB")],
)
def test_sizes_have_decimal_units(count, text):
    """As S3's console shows them."""
    assert figures.size(count) == text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "-"),
        (0.84, "0.8 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_times_grow_their_units(found, text):
    """Never 60 seconds, and nothing measured is a gap."""
    assert figures.seconds(found) == text


@pytest.mark.parametrize(("found", "text"), [(None, "-"), (0.25, "0.2"), (9.9, "9.9"), (10, "10"), (12345.6, "12,346")])
def test_rates_lose_their_fraction_when_they_are_large(found, text):
    """Ten rows a second is the border."""
    assert figures.rate(found) == text


def test_a_share_of_nothing_is_a_gap():
    """A day without rows was not 0 % bad."""
    assert (figures.percent(1, 8), figures.percent(0, 0)) == ("12.5 %", "-")


def test_counts_are_set_apart():
    """A million is seen to be one."""
    assert figures.amount(1234567) == "1,234,567"
