"""Unit tests of `infolens.ingest.reasons`."""

from __future__ import annotations

from infolens.ingest.reasons import OTHER, bounded, most_frequent


def test_reasons_beyond_the_thirtieth_are_summed_up():
    """The most frequent come first, equal ones by name, and what was summed up before stays in the last."""
    counts = {f"reason {number:02}": 1 for number in range(49, -1, -1)} | {"reason 40": 3, OTHER: 5}
    found = most_frequent(counts)
    assert list(found)[:3] == ["reason 40", "reason 00", "reason 01"]
    assert (len(found), found[OTHER], sum(found.values())) == (31, 25, 57)


def test_few_reasons_stay_as_they_are():
    """Up to thirty there is nothing to sum up."""
    counts = {f"{number:02}": 30 - number for number in range(30)}
    assert most_frequent(counts) == counts


def test_a_section_keeps_a_thousand():
    """So that sections can be added up without missing one of the thirty."""
    found = bounded({str(number): 1 for number in range(1001)})
    assert (len(found), found[OTHER]) == (1001, 1)
