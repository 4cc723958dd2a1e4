"""Writes numbers the way tables show them: thousands set apart, sizes and times with their units, gaps as a dash."""

from __future__ import annotations

GAP = "-"
"""What stands where nothing was measured; a missing figure is not zero."""


def amount(count: int) -> str:
    """A count, for example 1,234,567."""
    return f"{count:,}"


def percent(part: int, whole: int) -> str:
    """A share of a whole, for example 12.3 %; a gap when there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else GAP


def size(count: int) -> str:
    """Bytes in decimal units, for example 12.3 MB."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} B"


def rate(found: float | None) -> str:
    """Something a second: whole numbers from ten on."""
    if found is None:
        return GAP
    return f"{found:,.0f}" if found >= 10 else f"{found:.1f}"


def seconds(found: float | None) -> str:
    """A time, for example 0.8 s, 4 min 05 s or 2 h 05 min."""
    if found is None:
        return GAP
    if round(found, 1) < 60:
        return f"{found:.1f} s"
    minutes, rest = divmod(round(found), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
