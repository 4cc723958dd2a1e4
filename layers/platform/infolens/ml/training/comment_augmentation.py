"""Alters and adds training comments, so that spelling, company and denial of words are learnt, not the rows alone.

Nothing here knows a word that is offensive: those are taken from the rows at hand (`telling_words`).
"""

from __future__ import annotations

import string
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens.ml.comment_words import fold_word, words_of

if TYPE_CHECKING:
    import random

_SHORTEST_MISSPELT = 4
"""Letters of a word that is altered: the short ones become other words."""

_FEWEST = 6
"""Comments in which a word must occur before it is taken to tell anything."""

_COMPANY = (1, 2, 3)
"""Other comments that may be put around one."""


@dataclass(frozen=True)
class Frames:
    """Short sentences with a place "{}" for a word; what they say of it decides how they are labelled."""

    affirming: tuple[str, ...]
    """Positive when the word is: "you are {}"."""
    denying: tuple[str, ...]
    """Never positive: "nobody called you {}"."""
    attacking: tuple[str, ...]
    """Positive with a positive word, though they deny something: "i do not care, {}"."""
    neutral_words: tuple[str, ...] = ()
    """Words that are often said in anger and yet are no offence; they stand in affirming frames as negative words."""


@dataclass(frozen=True)
class Augmentation:
    """How much is altered; each share is between 0 and 1."""

    misspelt: float = 0.0
    """Share of comments in which words are misspelt."""
    misspelt_words: float = 0.0
    """Share of the words of those comments."""
    surrounded: float = 0.0
    """Share of comments that are put between negative ones, whose label stays."""
    framed: float = 0.0
    """Sentences made from frames, as a share of the comments."""
    repeated: float = 0.0
    """Share of the negative comments with a neutral word that are given once more: where such words are mostly read in
    anger, a model takes the words for the anger (Dixon et al. 2018)."""


@dataclass(frozen=True)
class Words:
    """Comments as words, with their labels."""

    texts: list[list[str]]
    positive: list[bool]


class Augmenter:
    """Gives each epoch its own variant of the same comments."""

    def __init__(self, rows: Words, settings: Augmentation, frames: Frames, most_words: int) -> None:
        """Take the training comments; none is made longer than `most_words`."""
        self._rows = rows
        self._settings = settings
        self._frames = frames
        self._most_words = most_words
        self._negative = [words for words, positive in zip(rows.texts, rows.positive, strict=True) if not positive]
        telling, self._harmless = telling_words(rows)
        neutral = set(frames.neutral_words)
        self._mentions = [words for words in self._negative if neutral & {fold_word(word)[0] for word in words}]
        self._telling = {word: weight for word, weight in telling.items() if word not in neutral}

    def epoch(self, source: random.Random) -> Words:
        """Give the altered comments in their order, then the added ones; the same source gives the same words."""
        settings = self._settings
        texts = []
        for words in self._rows.texts:
            changed = words
            if source.random() < settings.misspelt:
                changed = self._misspelt(words, source)
            if self._negative and source.random() < settings.surrounded:
                changed = self._surrounded(changed, source)
            texts.append(changed)
        repeated = [words for words in self._mentions if source.random() < settings.repeated]
        framed = [self._framed(source) for _ in range(int(settings.framed * len(texts)))] if self._telling else []
        return Words(
            texts + repeated + [words for words, _ in framed],
            self._rows.positive + [False] * len(repeated) + [positive for _, positive in framed],
        )

    def repeated(self) -> Words:
        """Give the comments as they are, then all those that may be repeated: for a model that is fitted at once."""
        if not self._settings.repeated:
            return self._rows
        again = len(self._mentions)
        return Words(self._rows.texts + self._mentions, self._rows.positive + [False] * again)

    def _misspelt(self, words: list[str], source: random.Random) -> list[str]:
        share = self._settings.misspelt_words
        return [misspelt(word, source) if _may_misspell(word) and source.random() < share else word for word in words]

    def _surrounded(self, words: list[str], source: random.Random) -> list[str]:
        """Put whole negative comments before and behind, as many as leave the comment itself whole."""
        parts = [words]
        for _ in range(source.choice(_COMPANY)):
            other = source.choice(self._negative)
            if sum(map(len, parts)) + len(other) <= self._most_words:
                parts.insert(source.randint(0, len(parts)), other)
        return [word for part in parts for word in part]

    def _framed(self, source: random.Random) -> tuple[list[str], bool]:
        kind = source.randrange(4)
        positive = False
        if kind == 0:  # denied: never positive
            frame, word = source.choice(self._frames.denying), self._any_telling(source)
        elif kind == 1:
            frame, word, positive = source.choice(self._frames.attacking), self._any_telling(source), True
        elif kind == 2:
            frame, word, positive = source.choice(self._frames.affirming), self._any_telling(source), True
        else:
            harmless = source.choice((self._harmless, self._frames.neutral_words or self._harmless))
            frame, word = source.choice(self._frames.affirming), source.choice(harmless)
        words = words_of(frame.format(word))
        if source.random() < 0.5:
            other = source.choice(self._negative)
            start = source.randrange(len(other))
            part = other[start : start + 20]
            words = source.choice((part + words, words + part))
        return words, positive

    def _any_telling(self, source: random.Random) -> str:
        return source.choices(list(self._telling), list(self._telling.values()))[0]


def telling_words(rows: Words) -> tuple[dict[str, float], list[str]]:
    """Find words that hardly occur but in positive comments, with the root of their frequency, and harmless ones.

    Short comments alone are asked: of a long one it is not known which word made it positive.
    """
    positive: Counter[str] = Counter()
    negative: Counter[str] = Counter()
    for words, is_positive in zip(rows.texts, rows.positive, strict=True):
        (positive if is_positive else negative).update({fold_word(word)[0] for word in words[:200] if word.isalpha()})
    base = sum(rows.positive) / max(1, len(rows.positive))
    telling, harmless = {}, []
    for word in sorted(positive.keys() | negative.keys()):
        both = positive[word] + negative[word]
        if both < _FEWEST or len(word) < 3:
            continue
        share = positive[word] / both
        if share >= max(0.6, 3 * base):
            telling[word] = positive[word] ** 0.5
        elif share <= base / 2 and both >= 3 * _FEWEST:
            harmless.append(word)
    return (telling, harmless) if harmless and negative else ({}, [])


def misspelt(word: str, source: random.Random) -> str:
    """Lose, double, hide, replace, swap with the next, or add to one letter that is neither the first nor the last."""
    at = source.randrange(1, len(word) - 1)
    kind = source.randrange(6)
    before, here, behind = word[:at], word[at], word[at + 1 :]
    if kind == 0:
        return before + behind
    if kind == 1:
        return before + 2 * here + behind
    if kind == 2:
        return before + behind[0] + here + behind[1:]
    if kind == 3:
        return before + source.choice("*#-.") + behind
    letter = source.choice(string.ascii_lowercase)
    return before + letter + (behind if kind == 4 else here + behind)


def _may_misspell(word: str) -> bool:
    return len(word) >= _SHORTEST_MISSPELT and word.isalpha()
