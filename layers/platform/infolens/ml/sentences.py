"""Cuts news text into sentences without a model: full stops, missing spaces, quotes, several scripts; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_WORDS = 80
"""Words of one sentence. What is longer has lost its marks (tables, captions, speech to text) and is cut at a comma, or
here; the longest sentence of a summary then still leaves room for another."""

MAX_CHARACTERS = 600
"""Characters of one sentence, for scripts that put no spaces between words: 80 English words have some 480."""

# A mark, the quotes and brackets that close behind it, and what follows. Scripts that write no space after their marks
# (Chinese, Japanese) and the danda, the Arabic and the Ethiopic marks end a sentence whatever follows.
_CLOSERS = "\"'\u201d\u2019)\\]\u00bb\u300d\u300f\uff09"
_END = re.compile(
    rf"(?P<wide>[\u3002\uff01\uff1f\uff61\u0964\u0965\u061f\u06d4\u1362\u1367]+[{_CLOSERS}]*\s*)"
    rf"|(?P<mark>[.!?\u2026]{{1,12}})(?P<closed>[{_CLOSERS}]{{0,4}})(?P<space>\s*)(?=(?P<opener>[\"'\u201c\u2018(\[\u00ab]{{0,4}})(?P<next>\S?))"
)

# Words that a full stop ends without ending the sentence. Those of _BEFORE_NAMES stand before a name or a number, so
# that even a capital letter does not tell; the others may well end a sentence when a capital letter follows.
_BEFORE_NAMES_TEXT = (
    "mr mrs ms dr prof rev fr sr st mt ft gen col lt sgt cpl capt cmdr adm maj pvt gov sen rep hon pres supt insp det "
    "no nos vs v cf fig al approx rs smt shri jan feb aug sept oct nov dec messrs mme"
)
_BEFORE_NAMES = frozenset(_BEFORE_NAMES_TEXT.split(" "))
_NEVER_LAST = frozenset(("e.g", "i.e", "viz"))

_WORD_BEFORE = re.compile(r"[^\s\"'\u201c\u2018(\[\u00ab\u2013\u2014/-]*\Z")
_BREAKS = re.compile(r"[;:,\u3001\uff0c\uff1b\u060c](?=\s|[\u3040-\u9fff])|\s[\u2013\u2014-](?=\s)")


_DATELINE = re.compile(
    r"(?:[A-Z][\w .,'/-]{0,40}\s?)?"
    r"\((?:[A-Z]{2,5}|Reuters|Xinhua|Bloomberg|CNN Student News)\)\s*(?:[-\u2013\u2014]+\s*)?"
    r"(?=[A-Z\"'\u201c\u2018])"
)


def without_dateline(sentence: str) -> str:
    """Take a place and an agency off the beginning: "London (CNN)Previously ..." begins at "Previously"."""
    return _DATELINE.sub("", sentence, count=1) if _DATELINE.match(sentence) else sentence


def sentences(text: str) -> list[str]:
    """Give the sentences of a text in order, without surrounding white space; [] for white space alone.

    A line break ends a sentence: clean rows keep one between paragraphs. Nothing but white space is lost: the sentences
    joined are the text. Takes time proportional to the text, whatever is in it.
    """
    found: list[str] = []
    for paragraph in text.splitlines():
        for sentence in _cut(paragraph):
            found += _pieces(sentence)
    return found


def last_sentence_end(text: str, most: int) -> int:
    """Give where the last sentence ends of those that lie wholly in the first `most` characters; 0 if none does."""
    end = 0
    for sentence in sentences(text):
        following = text.index(sentence, end) + len(sentence)
        if following > most:
            break
        end = following
    return end


def _cut(paragraph: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(paragraph):
        end = match.end("wide") if match["wide"] else _end_of(paragraph, match)
        if end > start and paragraph[start:end].strip():
            yield paragraph[start:end].strip()
            start = end
    if paragraph[start:].strip():
        yield paragraph[start:].strip()


def _end_of(paragraph: str, match: re.Match[str]) -> int:
    """Give where the sentence ends that `match` may end, or -1 where it goes on."""
    end = match.end("closed")
    following = match["next"]
    if not following:
        return end
    if following.islower():
        return -1
    word = _WORD_BEFORE.search(paragraph, max(0, match.start() - 24), match.start())
    before = word.group().casefold() if word else ""
    if not match["space"]:
        return end if _glued(paragraph, match, before) else -1
    if match["mark"] != "." or match["closed"]:
        return end
    initial = len(before) == 1 and before.isalpha() and before != "i"
    if before in _BEFORE_NAMES or before in _NEVER_LAST or initial:
        return -1
    return end


def _glued(paragraph: str, match: re.Match[str], before: str) -> bool:
    """Say whether a mark with no space behind it ends a sentence: "leader.But" does, "6.6" and "U.S" do not."""
    if before.startswith(("http", "www", "@")) or "/" in before or "." in before:
        return False
    opened = match.start("opener")
    at = opened + len(match["opener"])
    if not paragraph[at : at + 1].isupper():
        return bool(match["closed"]) and not match["next"].isalnum()
    if not before:  # "later .Falling" is two sentences, ".NET" is a name
        return paragraph[at + 1 : at + 2].islower()
    # One letter before the mark is an initial or an abbreviation; a lone capital behind it is another.
    long_before = len(before) > 1 and (before[-1].islower() or before[-1].isdigit()) and not before.startswith("#")
    return bool(match["closed"]) or (long_before and before not in {"ph", "st"})


def _pieces(sentence: str) -> Iterator[str]:
    """Cut a sentence that is too long at its last comma, or between two words, or, without any, between characters."""
    start = 0
    while len(sentence) - start > MAX_CHARACTERS or _words(sentence, start) > MAX_WORDS:
        end = _limit(sentence, start)
        breaks = [match.end() for match in _BREAKS.finditer(sentence, start + (end - start) // 2, end)]
        cut = breaks[-1] if breaks else end
        if piece := sentence[start:cut].strip():
            yield piece
        start = cut
    if piece := sentence[start:].strip():
        yield piece


def _words(sentence: str, start: int) -> int:
    return len(sentence[start : start + MAX_CHARACTERS].split(maxsplit=MAX_WORDS))


def _limit(sentence: str, start: int) -> int:
    """Give the last place at which the piece that begins at `start` may end: between two words where there are any."""
    window = sentence[start : start + MAX_CHARACTERS]
    spaces = [match.start() for match in re.finditer(r"\s+", window)]
    if not spaces or spaces[-1] == 0:
        return start + len(window)
    if len(window.split()) > MAX_WORDS:
        return start + spaces[MAX_WORDS - 1] if spaces[0] > 0 else start + spaces[MAX_WORDS]
    return start + spaces[-1]
