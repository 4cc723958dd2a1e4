"""The processor that a figure was measured on."""

import platform

import pytest

from infolens_cli.processor import instruction_sets, processor_name

LISTING = "processor\t: 0\nmodel name\t: A Chip: 2 GHz\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nmodel name\t: Another\n"


def test_processor_is_the_first_that_linux_lists(tmp_path):
    """Name and instruction sets are those of the first one."""
    listing = tmp_path / "cpuinfo"
    listing.write_text(LISTING)
    assert processor_name(listing) == "A Chip: 2 GHz"
    assert instruction_sets(listing) == {"fpu", "avx2"}


@pytest.mark.parametrize("listed", [None, "processor\t: 0\nBogoMIPS\t: 243\n"])
def test_processor_without_a_name_in_a_list(tmp_path, listed):
    """Where nothing is listed, as on a Mac, or no name, as on ARM, Python's own word stands in."""
    listing = tmp_path / "cpuinfo"
    if listed is not None:
        listing.write_text(listed)
    assert processor_name(listing) in {platform.processor(), platform.machine()} - {""}
    assert instruction_sets(listing) == frozenset()
