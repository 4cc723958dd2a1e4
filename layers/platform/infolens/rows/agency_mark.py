"""Finds, takes away and plants a news agency's mark in a text, to measure how much a model leans on it. Pure."""

from __future__ import annotations

import re

_START = 260
"""Characters in which a mark is near the start: a headline of up to 200, and the first 60 of the body behind it."""

_MARK = re.compile(r"(?:\b[A-Z][A-Z'/-]{1,20},? ){0,4}\(?\bReuters\b\)?(?: ?[-\u2013\u2014])? ?")
"""With the place before it, as in "WASHINGTON (Reuters) - ", or alone."""

_PLANTED = "WASHINGTON (Reuters) - "

_HEADLINE_END = re.compile(r"[.?!]['\"\u2019\u201d]? ")


def carries_agency_mark(text: str) -> bool:
    """Say whether the agency's name stands near the start."""
    return "Reuters" in text[:_START]


def without_agency_mark(text: str) -> str:
    """Give `text` without the agency's name, wherever it stands, and the place before it."""
    return _MARK.sub("", text)


def with_agency_mark(text: str) -> str:
    """Give `text` as if the agency had sent it: with its mark behind the headline, or in front where there is none."""
    end = _HEADLINE_END.search(text, 15, _START)
    at = end.end() if end else 0
    return f"{text[:at]}{_PLANTED}{text[at:]}"
