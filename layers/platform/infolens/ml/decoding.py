"""Greedy, lookup and beam decoding of an encoder-decoder with the rules that its config states; numpy alone.

Every rule means what it means in transformers' `generate`, and the same model writes the same tokens there and here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ROWS = 64
"""See `largest`."""


@dataclass(frozen=True)
class DecodingRules:
    """What may be written next, beside what the model says; the meanings are those of transformers' `generate`."""

    start_id: int
    """Token that the decoder is given first; no part of the summary."""
    end_id: int
    max_tokens: int
    """Most tokens that are written, the end included (S0-23: 128)."""
    forced_first_id: int | None = None
    """Token that always comes first, where the pretrained model was made so."""
    forced_end: bool = True
    """The last token that `max_tokens` allows is the end."""
    no_repeat: int = 0
    """No sequence of so many tokens comes twice; 0 allows it. Greedy decoding falls into loops otherwise."""
    min_tokens: int = 0
    """Fewest tokens that are written, the end included (`min_length`, which counts the start instead of the end)."""
    beams: int = 1
    """Sequences that are followed side by side; one is greedy decoding."""
    length_penalty: float = 1.0
    """A finished beam's score is its log probability divided by its length to this power: above 0 favours long ones."""
    early_stopping: bool | Literal["never"] = False
    """True: stop at as many finished beams as `beams`; False: when the best running one, as long as it is now, cannot
    beat the worst finished one; "never": when it could not at any length."""
    lookup: int = 0
    """Tokens that greedy decoding proposes from the article and lets the model verify in one call; 0: one at a time."""


class Steps(Protocol):
    """A decoder over one encoded text, which remembers what it was given, for each beam."""

    def next_logits(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Take tokens behind those so far, shape (beams, count) -> logits after each, (beams, count, vocabulary).

        The logits are the caller's to change.
        """

    def follow(self, origins: Sequence[int]) -> None:
        """From now on beam number i goes on from what beam `origins[i]` was given; the number of beams may change."""

    def forget(self, count: int) -> None:
        """Be as if the last `count` tokens had not been given."""


def write(steps: Steps, rules: DecodingRules, article: Sequence[int] = ()) -> list[int]:
    """Write a summary as the rules say; gives its tokens without start and end.

    Args:
        steps: the decoder; nothing was given to it yet.
        rules: what may be written.
        article: tokens that lookup decoding takes its proposals from.
    """
    if rules.beams > 1:
        return beam_search(steps, rules)
    return lookup(steps, rules, article) if rules.lookup else greedy(steps, rules)


def greedy(steps: Steps, rules: DecodingRules) -> list[int]:
    """Write the likeliest token each time, until the end or `max_tokens`; gives them without start and end."""
    return lookup(steps, rules, ())


def lookup(steps: Steps, rules: DecodingRules, article: Sequence[int]) -> list[int]:
    """Write what `greedy` writes in fewer steps, since summaries copy (prompt lookup decoding, Saxena 2023).

    What followed the last tokens where they stood before, in the article or the summary, is proposed; one call gives
    the logits after every proposed token, and those that greedy decoding would have written stay.
    """
    written, given, hope = [rules.start_id], 0, rules.lookup
    text = _Text(article, rules) if article else None
    while True:
        forced = forced_token(rules, len(written))
        if forced == rules.end_id:
            return written[1:]
        if forced is not None:
            written.append(forced)
            continue
        room = rules.max_tokens - len(written) - int(rules.forced_end)
        proposed = text.proposals(written, min(hope, room)) if text else []
        tokens = np.array([[*written[given:], *proposed]], dtype=np.int64)
        logits = steps.next_logits(tokens)[0, -1 - len(proposed) :]
        given = len(written) + len(proposed)
        for at, row in enumerate(logits):
            token = _likeliest(row, written, rules)
            if token == rules.end_id:
                return written[1:]
            written.append(token)
            if len(written) > rules.max_tokens:
                return written[1:]
            wrong = len(proposed) - at
            if wrong and token != proposed[at]:
                steps.forget(wrong)
                given -= wrong
                hope = at + 1  # a proposal costs a sixth of a step: a model that does not copy gets few
                break
            hope = min(2 * hope, rules.lookup) if proposed and not wrong else hope


class _Text:
    """Article and summary in one row, in which the last written tokens are looked up."""

    LONGEST = 4
    """Tokens that are compared; a longer match hardly ever proposes something else."""
    LEAST = 2
    """Tokens that must be equal: what followed a single one is wrong too often."""

    def __init__(self, article: Sequence[int], rules: DecodingRules) -> None:
        self._row = np.empty(len(article) + rules.max_tokens + 1, dtype=np.int64)
        self._row[: len(article)] = article
        self._article = len(article)
        self._known = 0

    def proposals(self, written: Sequence[int], most: int) -> list[int]:
        """Give up to `most` tokens: what followed the longest match, the earliest of equally long ones."""
        end = self._article + len(written)
        self._row[self._article + self._known : end] = written[self._known :]
        self._known = len(written)
        row = self._row[:end]
        ends = np.flatnonzero(row[:-1] == row[-1])
        if most <= 0:
            return []
        equal = np.ones(len(ends), dtype=np.bool_)
        lengths = np.ones(len(ends), dtype=np.int64)
        for back in range(1, min(self.LONGEST, len(written))):
            equal &= (ends >= back) & (row[ends - back] == row[-1 - back])
            lengths += equal
        if not (lengths >= self.LEAST).any():
            return []
        start = int(ends[lengths.argmax()]) + 1
        return cast("list[int]", row[start : start + most].tolist())


@dataclass(frozen=True)
class _Candidate:
    """One more token behind a running beam, and the log probability of the whole."""

    beam: int
    token: int
    score: np.float32


@dataclass(frozen=True)
class _Finished:
    """A sequence that ended, start and end included, and its score under the length penalty."""

    score: np.float32
    tokens: list[int]


def beam_search(steps: Steps, rules: DecodingRules) -> list[int]:
    """Follow the `beams` likeliest sequences and write the best finished one, without start and end.

    In the order and in the 32 bits of transformers' `_beam_search` for one text, so that near ties and early stopping
    fall alike. The model is not asked for forced tokens: the first goes in with the second's call, the end needs none.
    """
    running = [[rules.start_id]]
    scores = [np.float32(0.0)]
    finished: list[_Finished] = []
    given = width = 0
    while True:
        count = len(running[0])  # the token that is chosen now is number `count`
        forced = forced_token(rules, count)
        if forced is None:
            tokens = np.array([beam[given:] for beam in running], dtype=np.int64)
            found = _candidates(steps.next_logits(tokens)[:, -1], running, scores, rules)
            given, width = count, len(running)
        else:
            found = [_Candidate(at, forced, score) for at, score in enumerate(scores)]
        last = count == rules.max_tokens
        # Only the first `beams` may finish: those behind them are there so that enough go on.
        finished += [
            _Finished(one.score / _length(count, rules), [*running[one.beam], one.token])
            for one in found[: rules.beams]
            if last or one.token == rules.end_id
        ]
        finished = sorted(finished, key=lambda one: one.score, reverse=True)[: rules.beams]
        going = [one for one in found if one.token != rules.end_id][: rules.beams]
        if last or not going or _settled(finished, going[0].score, count, rules):
            break
        running = [[*running[one.beam], one.token] for one in going]
        scores = [one.score for one in going]
        origins = [one.beam for one in going]
        if width and origins != list(range(width)):
            steps.follow(origins)
    best = finished[0].tokens if finished else running[0]
    return best[1:-1] if best[-1] == rules.end_id else best[1:]


def _settled(finished: Sequence[_Finished], best: np.float32, count: int, rules: DecodingRules) -> bool:
    """Say whether the search may stop after token number `count`, where `best` is the best running beam's score."""
    if len(finished) < rules.beams:
        return False
    if rules.early_stopping is True:
        return True
    never = rules.early_stopping == "never" and rules.length_penalty > 0.0
    hoped = best / _length(rules.max_tokens if never else count, rules)
    return bool(hoped <= finished[-1].score)


def _length(count: int, rules: DecodingRules) -> np.float32:
    return np.float32(count**rules.length_penalty)


def _candidates(
    logits: NDArray[np.float32], running: Sequence[Sequence[int]], scores: Sequence[np.float32], rules: DecodingRules
) -> list[_Candidate]:
    """Give the best continuations of all beams, best first: twice as many as beams, since each beam can end once."""
    most = 2 * rules.beams
    found: list[_Candidate] = []
    for beam, (row, written, score) in enumerate(zip(logits, running, scores, strict=True)):
        top = row.max()
        total = np.log(np.exp(row - top).sum(dtype=np.float32))
        _ban(row, written, rules)
        found += [_Candidate(beam, at, row[at] - top - total + score) for at in largest(row, most)]
    return sorted(found, key=lambda one: one.score, reverse=True)[:most]


def largest(row: NDArray[np.float32], count: int) -> list[int]:
    """Give the places of the `count` largest values, largest first, the earlier of equal ones first.

    The `count`-th largest of the maxima of 64 columns is no larger than the `count`-th largest value, and is found in
    one pass; sorting or partitioning 50,000 logits of four beams would take a quarter of a decoder step.
    """
    width = len(row) // _ROWS
    bar = -np.inf
    if width > count:
        maxima = row[: width * _ROWS].reshape(_ROWS, width).max(axis=0)
        bar = np.partition(maxima, -count)[-count]
    places = np.flatnonzero(row >= bar)
    return cast("list[int]", places[np.argsort(-row[places], kind="stable")[:count]].tolist())


def forced_token(rules: DecodingRules, count: int) -> int | None:
    """Say which token must be number `count`, counted from one, if one must."""
    if count == rules.max_tokens and rules.forced_end:
        return rules.end_id
    return rules.forced_first_id if count == 1 else None


def _likeliest(logits: NDArray[np.float32], written: Sequence[int], rules: DecodingRules) -> int:
    _ban(logits, written, rules)
    return int(logits.argmax())


def _ban(logits: NDArray[np.float32], written: Sequence[int], rules: DecodingRules) -> None:
    """Take what may not be written out of the logits of one beam, in place."""
    if banned := repeating(written, rules.no_repeat):
        logits[banned] = -np.inf
    if len(written) < rules.min_tokens:
        logits[rules.end_id] = -np.inf


def repeating(written: Sequence[int], size: int) -> list[int]:
    """Tokens that would write a sequence of `size` tokens a second time."""
    if size <= 0 or len(written) < size:
        return []
    tail = list(written[len(written) - size + 1 :])
    return [
        written[at + size - 1] for at in range(len(written) - size + 1) if list(written[at : at + size - 1]) == tail
    ]
