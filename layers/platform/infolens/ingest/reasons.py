"""Counts reasons so that a report stays readable and memory bounded, however many different ones a file has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER = "other reasons"

_REPORTED = 30
"""Reasons listed by name in a report; values stand in reasons, so a bad file could have as many as it has rows."""
_STAGED = 1000
"""Reasons that a section lists by name, so that those of a report are not missed when sections are added up."""


def most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    """List counted reasons, the most frequent first and equal ones by name; those beyond the 30th are summed up."""
    return _top(counts, _REPORTED)


def bounded(counts: Mapping[str, int]) -> dict[str, int]:
    """List the reasons of a section; those beyond the 1000th are summed up."""
    return _top(counts, _STAGED)


def _top(counts: Mapping[str, int], most: int) -> dict[str, int]:
    named = sorted((item for item in counts.items() if item[0] != OTHER), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in named[most:]) + counts.get(OTHER, 0)
    return dict(named[:most]) | ({OTHER: rest} if rest else {})
