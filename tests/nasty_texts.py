"""Texts of all that makes cleaning hard: entities, white space, marks that combine, what folds into more."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = [
    *("a", "Z", "9", "word", ".", "?", '"', "'", ":", "_", "&", ";", "#", "\x01", "\0", "\x07", "\x7f", "\x1c", "\x85"),
    *(" ", "  ", "\n", "\r\n", "\t", "\x0b", "\x0c", "\u00a0", "\u2003", "\u2028", "\u202f", "\u3000", "\u1680"),
    *("&amp;", "&amp;#39;", "&amp;amp;lt;", "&lt", "&notit;", "&#0;", "&#1;", "&#xD800;", "&#x80;", "&nbsp;", "&#10;"),
    *("\u200b", "\ufeff", "\xad", "\u202e", "\u2060", "\ufffd", "\uffff", "\ufdd0", "\ud800", "\udfff", "\U0001ffff"),
    *("e\u0301", "\u0301", "\u0323\u0307", "\u00e9", "\u0344", "\u212b", "\u2126", "\ufb01", "\u1e9b\u0323", "\u0f73"),
    *("\u1100", "\u1161", "\u11a8", "\uac00", "\ud7a3", "\u3131", "\uffa1", "\uffc2", "\u0e33", "\u09be", "\u0bd7"),
    *("\u00df", "\u1e9e", "\u0130", "\u0131", "\u0149", "\u023a", "\u1f80", "\u0345", "\u03c2", "\u03a3", "\u01c5"),
    *("\u00bd", "\u00b2", "\u0663", "\u2167", "\u00aa", "\u02b0", "\u3300", "\ufdfa", "\u2488", "\u3192", "\u00b4"),
    *("\u2026", "\u201d", "\u2019", "\u201c", "\u2014", "\u20ac", "\u4e2d", "\u30ab\u3099", "\u0915\u093c", "\ufe0f"),
    *("\U0001f600", "\U0001f468\u200d\U0001f469", "\U0001d400", "\U0001d7ce", "\U0001e921", "\U000e0001", "\U0010ffff"),
    *("nan", "None", "Food & Drink", "AT&T"),
]
NASTY = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=()), max_size=14).map("".join)
