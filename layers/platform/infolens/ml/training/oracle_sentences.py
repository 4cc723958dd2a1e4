"""Finds which sentences of an article would have made the best summary: what a sentence ranker learns."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from infolens.ml.rouge import f_measure, longest_common, marks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_EQUAL = 1e-9


def oracle(
    reference: Sequence[str], sentences: Sequence[Sequence[str]], weights: tuple[float, float, float]
) -> list[int]:
    """Add the sentence that raises the score most, until none does (Nallapati et al. 2017, section 3); in order.

    Args:
        reference: words of the written summary.
        sentences: words of each sentence of the article.
        weights: of ROUGE-1, ROUGE-2 and ROUGE-L. Pairs of words across two sentences do not count here.

    Returns:
        places of the chosen sentences; [] when no word is shared.
    """
    singles, pairs = _Overlaps(reference, sentences, 1), _Overlaps(reference, sentences, 2)
    # A word that the reference has not is no part of a common subsequence.
    marks = marks_of(reference)
    marked = [[marks[word] for word in sentence if word in marks] for sentence in sentences]
    chosen: list[int] = []
    best = 0.0
    while True:
        first, second = singles.f_with_each(chosen), pairs.f_with_each(chosen)
        lengths = singles.lengths + singles.lengths[chosen].sum()
        # No subsequence is longer than the words that are shared at all (ROUGE-1): most sentences need no look.
        bounds = (weights[0] + weights[2]) * first + weights[1] * second
        bounds[chosen] = -1.0
        found = -1
        for at in np.argsort(-bounds, kind="stable"):
            if bounds[at] <= best + _EQUAL:
                break
            together = chain.from_iterable(marked[place] for place in sorted([*chosen, int(at)]))
            common = longest_common(len(reference), together)
            longest = f_measure(common, len(reference), int(lengths[at]))
            score = weights[0] * first[at] + weights[1] * second[at] + weights[2] * longest
            if score > best + _EQUAL:
                best, found = float(score), int(at)
        if found < 0:
            return sorted(chosen)
        chosen.append(found)


class _Overlaps:
    """Runs of `size` words that sentences share with the reference, as counts per sentence and kind."""

    def __init__(self, reference: Sequence[str], sentences: Sequence[Sequence[str]], size: int) -> None:
        wanted = _runs(reference, size)
        self.wanted = np.array(list(wanted.values()), dtype=np.int64)
        self.total = int(self.wanted.sum())
        column = {run: number for number, run in enumerate(wanted)}
        self.counts = np.zeros((len(sentences), len(wanted)), dtype=np.int64)
        self.lengths = np.array([max(0, len(sentence) - size + 1) for sentence in sentences])
        for row, sentence in zip(self.counts, sentences, strict=True):
            for run, times in _runs(sentence, size).items():
                if run in column:
                    row[column[run]] = times

    def f_with_each(self, chosen: list[int]) -> NDArray[np.float64]:
        """F-measure of the chosen sentences together with each one, shape (sentences,)."""
        together = self.counts + self.counts[chosen].sum(axis=0)
        common = np.minimum(together, self.wanted).sum(axis=1)
        length = self.lengths + self.lengths[chosen].sum()
        return np.asarray(2.0 * common / np.maximum(1, self.total + length), dtype=np.float64)


def _runs(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[at:] for at in range(size)), strict=False))
