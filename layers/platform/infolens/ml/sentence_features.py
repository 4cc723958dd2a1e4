"""What is known of each sentence of an article before a model ranks it: place, length, words shared; numpy alone.

Training and serving both call `describe`, so that a model never meets other numbers than it learned from.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.ml.sentences import sentences, without_dateline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_SENTENCES = 80
"""Sentences that are looked at. 12,000 characters of news (S0-30) have some 100; a summary never came from beyond."""

HEADLINE_WORDS = 20
"""A first paragraph without a full stop and with at most so many words is a headline."""

_WORD = re.compile(r"[^\W_]+")
_ENDED = re.compile(r"[.!?\u2026\u3002\uff01\uff1f\u0964\u061f][\"'\u201d\u2019)\]]*\Z")
_RANK_STEPS = 20
_RANK_DAMPING = 0.85  # LexRank's and PageRank's (Erkan and Radev 2004)

_STOP_WORDS_TEXT = (
    "a an the of in on at to for from by with and or but if as is are was were be been being has have had do does did "
    "will would can could may might must should it its this that these those he she they his her their them him i we "
    "you our your my me us not no who which what when where there here than then so up out about into over after "
    "before more also said says"
)
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split(" "))
_POINTING_BACK_TEXT = "he she it they but and this that these those i we you"
_POINTING_BACK = frozenset(_POINTING_BACK_TEXT.split(" "))


@dataclass(frozen=True)
class Article:
    """An article as its sentences are ranked."""

    headline: str
    """"" where it has none."""
    sentences: tuple[str, ...]
    """What may be chosen: without the headline, without datelines; never empty for a text that has a character."""
    places: tuple[int, ...]
    """For each of them, its place among `infolens.ml.sentences.sentences` of the text."""


def read_article(text: str) -> Article:
    """Cut a clean text, whose paragraphs are separated by line breaks, into what can be ranked."""
    found = sentences(text)
    first = text.lstrip().partition("\n")[0].strip()
    titled = len(found) > 1 and found[0] == first and not _ENDED.search(first) and len(first.split()) <= HEADLINE_WORDS
    start = 1 if titled else 0
    kept = found[start : start + MAX_SENTENCES]
    return Article(
        headline=first if titled else "",
        sentences=tuple(without_dateline(sentence) for sentence in kept),
        places=tuple(range(start, start + len(kept))),
    )


FEATURES = (
    "place",
    "log_place",
    "share_of_sentences_before",
    "first",
    "second",
    "third",
    "last",
    "inverse_place",
    "words",
    "log_words",
    "share_of_words_before",
    "log_words_before",
    "sentences",
    "log_article_words",
    "mean_likeness",
    "likeness_to_article",
    "rank",
    "closest_likeness",
    "likeness_to_first",
    "likeness_to_earlier",
    "headline_shared",
    "has_headline",
    "first_shared",
    "mean_frequency",
    "repeated_words",
    "mean_log_frequency",
    "stop_words",
    "capitals",
    "digits",
    "quotes",
    "begins_quoted",
    "asks",
    "points_back",
    "said",
)
"""Columns of `describe`, in order."""


def describe(article: Article) -> NDArray[np.float32]:
    """Give the features of an article's sentences, shape (sentences, FEATURES); all finite."""
    words = [_words(sentence) for sentence in article.sentences]
    content = [[word for word in line if word not in _STOP_WORDS] or line for line in words]
    frequency = Counter(word for line in content for word in line)
    likeness, to_article = _likeness(content)
    total = sum(map(len, words))
    shared = _Shared(
        headline=frozenset(_words(article.headline)) - _STOP_WORDS,
        first=frozenset(content[0]) if content else frozenset(),
        frequency=frequency,
        occurrences=max(1, frequency.total()),
    )
    before = np.concatenate([[0], np.cumsum([len(line) for line in words])[:-1]]) if words else np.zeros(0)
    place = np.arange(len(words))
    count = len(words)
    lengths = np.array([max(1, len(line)) for line in words])
    columns = [
        place,
        np.log1p(place),
        place / max(1, count),
        place == 0,
        place == 1,
        place == 2,
        place == count - 1,
        1 / (1 + place),
        lengths,
        np.log(lengths),
        before / max(1, total),
        np.log1p(before),
        np.full(count, count),
        np.full(count, math.log(total + 1)),
        *_standing(likeness, to_article),
    ]
    texts = np.array(
        [
            _of_text(sentence, line, kept, shared)
            for sentence, line, kept in zip(article.sentences, words, content, strict=True)
        ],
        dtype=np.float32,
    ).reshape(count, -1)
    return np.concatenate([np.stack(columns, axis=1).astype(np.float32), texts], axis=1)


@dataclass(frozen=True)
class _Shared:
    headline: frozenset[str]
    first: frozenset[str]
    frequency: Counter[str]
    occurrences: int


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _of_text(sentence: str, words: list[str], content: list[str], shared: _Shared) -> tuple[float, ...]:
    distinct, count, frequency = set(words), max(1, len(words)), shared.frequency
    plain = sentence.split()
    return (
        len(shared.headline & distinct) / max(1, len(shared.headline)),
        bool(shared.headline),
        len(shared.first & distinct) / max(1, len(shared.first)),
        100 * sum(frequency[word] for word in content) / shared.occurrences / max(1, len(content)),
        sum(frequency[word] > 1 for word in content) / max(1, len(content)),
        sum(math.log(frequency[word]) for word in sorted(set(content))) / max(1, len(content)),
        sum(word in _STOP_WORDS for word in words) / count,
        sum(word[:1].isupper() for word in plain[1:]) / count,
        sum(map(str.isdigit, sentence)) / max(1, len(sentence)),
        any(mark in sentence for mark in '"\u201c\u201d?'),
        sentence[:1] in set("\"'\u201c\u2018?"),
        sentence[-1:] == "?",
        bool(words) and words[0] in _POINTING_BACK,
        "said" in distinct or "says" in distinct,
    )


def _likeness(content: Sequence[list[str]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosine of sentences' weighted words, shape (sentences, sentences) with a zero diagonal; and with their sum."""
    count = len(content)
    spread = Counter(word for line in content for word in set(line))
    column = {word: number for number, word in enumerate(spread)}
    vectors = np.zeros((count, max(1, len(column))))
    for row, line in zip(vectors, content, strict=True):
        for word, times in Counter(line).items():
            row[column[word]] = times * math.log(1 + count / spread[word])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, 0.0)
    whole = vectors.sum(axis=0)
    return likeness, vectors @ (whole / max(float(np.linalg.norm(whole)), 1e-6))


def _standing(likeness: NDArray[np.float64], to_article: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """How central each sentence is, and whether it repeats an earlier one."""
    count = len(likeness)
    if not count:
        return [np.zeros(0)] * 6
    flow = likeness / np.maximum(likeness.sum(axis=1, keepdims=True), 1e-6)
    rank = np.full(count, 1 / count)
    for _ in range(_RANK_STEPS):
        rank = (1 - _RANK_DAMPING) / count + _RANK_DAMPING * (flow.T @ rank)
    to_first = likeness[:, 0].copy()
    to_first[0] = 1.0
    earlier = np.tril(likeness).max(axis=1)
    return [likeness.sum(axis=1) / max(1, count - 1), to_article, rank * count, likeness.max(axis=1), to_first, earlier]
