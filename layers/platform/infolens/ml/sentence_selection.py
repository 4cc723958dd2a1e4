"""Chooses the sentences of a summary: the likeliest first, up to a length, without saying a thing twice; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class SelectionRules:
    """What bounds a summary beside the model's own length."""

    max_tokens: int
    """Most tokens of a summary (S0-23: 128)."""
    least_share: float
    """A sentence joins only if its chance is at least this share of the best one's: nothing is added to fill up."""
    max_repeated: float
    """A sentence that has more than this share of its words in a chosen one says nothing new."""


def select(
    chances: Sequence[float],
    words: Sequence[Sequence[str]],
    tokens: Sequence[int],
    target: float,
    rules: SelectionRules,
) -> list[int]:
    """Give the places of the chosen sentences in the article's order; at least one where there is any.

    Sentences are taken by falling chance. One joins if it brings the summary nearer to the target; one that is too
    long is passed over for a shorter one further down.

    Args:
        chances: of each sentence to belong to a summary.
        words: of each sentence, in the form in which repetition is found.
        tokens: how many tokens each sentence has.
        target: words that the summary should have.
        rules: see SelectionRules.
    """
    order = sorted(range(len(chances)), key=lambda at: -chances[at])
    chosen: list[int] = []
    length = spent = 0
    for at in order:
        if chosen:
            if chances[at] < rules.least_share * chances[order[0]]:
                break
            nearer = abs(length + len(words[at]) - target) < abs(length - target)
            if not nearer or spent + tokens[at] > rules.max_tokens:
                continue
            if any(_repeated(words[at], words[other]) > rules.max_repeated for other in chosen):
                continue
        chosen.append(at)
        length += len(words[at])
        spent += tokens[at]
    return sorted(chosen)


def _repeated(sentence: Sequence[str], other: Sequence[str]) -> float:
    """Share of the distinct words of a sentence that another has; one without words repeats everything."""
    mine = set(sentence)
    return len(mine & set(other)) / len(mine) if mine else 1.0


def cut_to(text: str, max_tokens: int, count: Callable[[str], int]) -> str:
    """Shorten a text that alone has too many tokens at the last word that fits; within the word where it is one.

    Args:
        text: a sentence.
        max_tokens: what it may have.
        count: tokens of a text; a longer beginning never has fewer.
    """
    if count(text) <= max_tokens:
        return text
    spaces = [at for at, character in enumerate(text) if character.isspace()]
    ends = spaces if spaces and count(text[: spaces[0]] + "\u2026") <= max_tokens else list(range(1, len(text)))
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[: ends[middle]] + "\u2026") <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return text[: ends[low]].rstrip() + "\u2026" if ends else text
