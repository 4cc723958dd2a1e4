"""Names the processor that a figure was measured on: times mean nothing without it."""

from __future__ import annotations

import platform
from pathlib import Path

_LISTING = Path("/proc/cpuinfo")


def processor_name(listing: Path = _LISTING) -> str:
    """Name the processor, as Linux lists it or, where there is no list or no name in it, as Python knows it."""
    return _first("model name", listing) or platform.processor() or platform.machine()


def instruction_sets(listing: Path = _LISTING) -> frozenset[str]:
    """Give the instruction sets as Linux writes them (`avx512_vnni`); empty where there is no list."""
    return frozenset(_first("flags", listing).split())


def _first(name: str, listing: Path) -> str:
    lines = listing.read_text("utf-8").splitlines() if listing.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
