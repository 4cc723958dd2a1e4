"""Splits comments into words and words into hashed pieces, so that disguised and misspelt words stay near their own.

A word is given by the hashes of itself and of its runs of three to five letters (Bojanowski et al. 2017), after folding
what writers do to slip past a filter: look-alike characters, held letters, letters set apart. numpy and the standard
library alone; training and serving use the very same code.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NO_PIECE = 0
"""Number that stands for no piece at all, where a word has fewer pieces than there are places."""

PLAIN, SHOUTED, DISGUISED, DENIED = 0, 1, 2, 3
"""Marks of a word: as it is, in capitals, or changed by folding; DENIED is added to one of them."""

MARKS = 6

_SHORTEST, _LONGEST = 3, 5
"""Letters of a piece: shorter ones are in every word, longer ones are whole words already."""

_NOT = " "
"""Stands before a denied word among the terms; no word begins with it."""

_MOST_LETTERS = 30
"""Of one word; what is longer is no word, and its beginning tells as much."""

# A word may carry look-alikes at its ends and, between letters, hidden letters ("id*ot") and apostrophes. Every other
# mark stands alone.
_WORD = re.compile(r"[@$]{0,3}[^\W_](?:[^\W_]|['\u2019@$*#!](?=[^\W_]|[@$*#!]{1,8}[^\W_]))*\$*|[^\w\s]|_+")

# "i d i o t", "i.d.i.o.t": three or more single letters with the same mark between.
_SET_APART = re.compile(r"(?<![^\W_])[^\W\d_]([ .\-_*])(?:[^\W\d_]\1)+[^\W\d_](?![^\W_])")

_LOOKALIKES = str.maketrans("013457@$!", "oieastasi")
_HELD = re.compile(r"(.)\1{2,}")


# English words that deny what follows; the second line is how they are typed in haste.
_DENIALS_TEXT = (
    "not no never nobody noone none nothing neither nor without cannot hardly "
    "dont doesnt didnt isnt arent wasnt werent cant couldnt wouldnt shouldnt wont havent hasnt hadnt aint"
)
_DENIALS = frozenset(_DENIALS_TEXT.split(" "))
_DENIAL_ENDS = frozenset('.,;:!?()"') | {"but", "just", "only", "although", "because"}
_DENIAL_REACH = 8
"""Words behind a denial that it may speak of, where no mark of punctuation ends it before (Das and Chen 2001)."""


@dataclass(frozen=True)
class WordShape:
    """How many numbers a comment may become."""

    buckets: int
    """Numbers of pieces, NO_PIECE among them; two pieces may share one."""
    pieces: int
    """Most pieces of one word."""
    words: int
    """Most words of one comment."""


def words_of(text: str) -> list[str]:
    """Give the words and marks of a text in order, with compatibility forms and accents folded."""
    folded = unicodedata.normalize("NFKC", text)
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))
    return _WORD.findall(_SET_APART.sub(_joined, folded))


def encode_words(words: Sequence[str], shape: WordShape) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give pieces, shape (words, shape.pieces), and marks, shape (words,); a text without words is one empty word."""
    taken = words[: shape.words]
    pieces = np.full((max(1, len(taken)), shape.pieces), NO_PIECE, dtype=np.int64)
    for row, word in enumerate(taken):
        numbers = pieces_of(word, shape)
        pieces[row, : len(numbers)] = numbers
    return pieces, np.array(marks_of(taken) or [PLAIN], dtype=np.int64)


def marks_of(words: Sequence[str]) -> list[int]:
    """Give the mark of each word of a text."""
    return [fold_word(word)[1] + (DENIED if denied else 0) for word, denied in zip(words, _denied(words), strict=True)]


def pieces_of(word: str, shape: WordShape) -> tuple[int, ...]:
    """Give the numbers of a word's pieces, at most shape.pieces."""
    return _pieces(fold_word(word)[0], shape.buckets)[: shape.pieces]


def encode_terms(words: Sequence[str], shape: WordShape) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give the different terms of a whole comment and the weight of each, both of shape (terms,).

    Terms are the pieces of its words and, numbered from shape.buckets on, its pairs of neighbouring words. A weight is
    one plus the logarithm of how often the term occurs, and the weights together have length one.
    """
    taken = words[: shape.words]
    # A denied word is another term than the word itself: "not an idiot" has nothing of "an idiot".
    folded = [
        f"{_NOT}{fold_word(word)[0]}" if denied else fold_word(word)[0]
        for word, denied in zip(taken, _denied(taken), strict=True)
    ]
    numbers = [number for word in folded for number in _pieces(word, shape.buckets)[: shape.pieces]]
    numbers += [_hashed(f"{first} {second}", shape.buckets) + shape.buckets for first, second in pairwise(folded)]
    if not numbers:
        return np.array([NO_PIECE], dtype=np.int64), np.zeros(1, dtype=np.float32)
    terms, counts = np.unique(np.array(numbers, dtype=np.int64), return_counts=True)
    weights = 1.0 + np.log(counts)
    return terms, (weights / np.linalg.norm(weights)).astype(np.float32)


@lru_cache(maxsize=1 << 16)
def fold_word(word: str) -> tuple[str, int]:
    """Give the word without case, look-alikes ("id1ot") and held letters ("idiooot"), and its mark."""
    lower = word.casefold()
    folded = lower
    letters = sum(map(str.isalpha, lower))
    if letters and 2 * letters >= len(lower):  # "1984" and "10px" are what they say
        folded = folded.translate(_LOOKALIKES)
    if letters:
        folded = _HELD.sub(r"\1", folded)
    if len(word) > 1 and word.isupper():
        return folded, SHOUTED
    return folded, PLAIN if folded == lower else DISGUISED


def _denied(words: Sequence[str]) -> list[bool]:
    """Say of each word whether a denial before it speaks of it."""
    reach = 0
    found = []
    for word in words:
        folded = fold_word(word)[0]
        if folded in _DENIAL_ENDS:
            reach = 0
        found.append(reach > 0)
        reach = _DENIAL_REACH if folded in _DENIALS or folded.endswith(("n't", "n\u2019t")) else reach - 1
    return found


@lru_cache(maxsize=1 << 16)
def _pieces(word: str, buckets: int) -> tuple[int, ...]:
    """Numbers of the word itself and then of its runs of letters, each once, 1 to buckets - 1."""
    denied = _NOT if word.startswith(_NOT) else ""
    letters = word.removeprefix(_NOT)[:_MOST_LETTERS]
    marked = f"<{letters}>"
    runs = [denied + marked]
    if len(letters) > 1:
        for size in range(_SHORTEST, _LONGEST + 1):
            runs += [f"{denied}{size}{marked[at : at + size]}" for at in range(len(marked) - size + 1)]
    return tuple(dict.fromkeys(_hashed(run, buckets) for run in runs))


def _hashed(run: str, buckets: int) -> int:
    """Number from 1 to buckets - 1; the same on every machine, unlike Python's own hash."""
    return zlib.crc32(run.encode("utf-8", "replace")) % (buckets - 1) + 1


def _joined(found: re.Match[str]) -> str:
    return found.group().replace(found.group(1), "")
