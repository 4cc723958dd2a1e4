"""Cleans free text the same way for every task: entities, invalid characters, white space (S0-21)."""

from __future__ import annotations

import html
import re
import unicodedata

# Controls that are no white space, soft hyphens, zero-width and bidirectional marks, byte-order marks, replacement
# characters, noncharacters, and lone surrogates (a JSON escape can carry one, and no UTF-8 encoder takes it).
# Zero-width joiners stay: emoji and Persian need them.
INVALID = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    "\ufeff\ufffd-\uffff\ud800-\udfff]"
)

_WITHOUT_KEY = re.compile(r"[\W_]+")
"""What `str.isalnum` says no to: expressions count as a word what it says yes to, and the underscore."""

_ASCII = bytes(range(128))
_ASCII_WITHOUT_KEY = bytes(code for code in _ASCII if not chr(code).isalnum())

_FEW = 50
"""Different characters up to which taking each of them out is quicker than looking at the whole text for all."""

ENDINGS = frozenset(".!?:;\"'\u2026\u201d\u2019")
"""Marks that close a title."""


def unescaped(text: str) -> str:
    """Give `text` without entities."""
    for _ in range(2):  # feeds that were escaped twice carry "&amp;#39;"
        if "&" not in text:
            break
        text = html.unescape(text)
    return text


def clean_text(raw: str) -> str:
    """Give `raw` without entities and invalid characters, in NFC, with single spaces; "" when nothing is left."""
    text = unescaped(raw)
    # The usual text is printable, and the expression costs more than the question; of all that is invalid, only the
    # replacement character counts as printable.
    if not text.isprintable() or "\ufffd" in text:
        text = INVALID.sub("", text)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def join_title(title: str, body: str) -> str:
    """Merge two clean texts into one field, with a full stop between where the title has no mark of its own (S0-21)."""
    if not title or not body:
        return title or body
    return f"{title} {body}" if title[-1] in ENDINGS else f"{title}. {body}"


def content_key(text: str) -> str:
    """Reduce a clean text to its letters and digits: copies that differ in case, spacing or punctuation are equal.

    A text without any (a row of emoji) stays as it is, for two of those are no copies of each other.
    """
    # Most of a text is ASCII, which bytes are rid of at once.
    folded = unicodedata.normalize("NFKC", text).casefold().encode("utf-8", "surrogatepass")
    key = folded.translate(None, _ASCII_WITHOUT_KEY).decode("utf-8", "surrogatepass")
    if not key.isalnum():
        others = set(folded.translate(None, _ASCII).decode("utf-8", "surrogatepass"))
        if len(others) > _FEW:
            return _WITHOUT_KEY.sub("", key) or text
        for character in others:
            if not character.isalnum():
                key = key.replace(character, "")
    return key or text
