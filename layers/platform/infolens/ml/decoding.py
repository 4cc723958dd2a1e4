"""Greedy decoding of an encoder-decoder, token by token, with the rules that its config states; numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


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


class Steps(Protocol):
    """A decoder over one encoded text, which remembers what it was given."""

    def next_logits(self, token: int) -> NDArray[np.float32]:
        """Take the token behind those so far -> logits of the one after it, shape (vocabulary,)."""


def greedy(steps: Steps, rules: DecodingRules) -> list[int]:
    """Write the likeliest token each time, until the end or `max_tokens`; gives them without start and end.

    A beam search would keep several `Steps`; the graphs take beams along the first axis of their caches for it.
    """
    written = [rules.start_id]
    for count in range(1, rules.max_tokens + 1):
        token = _next(steps.next_logits(written[-1]), written, rules, count)
        if token == rules.end_id:
            break
        written.append(token)
    return written[1:]


def _next(logits: NDArray[np.float32], written: Sequence[int], rules: DecodingRules, count: int) -> int:
    if count == 1 and rules.forced_first_id is not None:
        return rules.forced_first_id
    if count == rules.max_tokens and rules.forced_end:
        return rules.end_id
    banned = repeating(written, rules.no_repeat)
    if banned:
        logits = logits.copy()
        logits[banned] = -np.inf
    return int(logits.argmax())


def repeating(written: Sequence[int], size: int) -> list[int]:
    """Tokens that would write a sequence of `size` tokens a second time."""
    if size <= 0 or len(written) < size:
        return []
    tail = list(written[len(written) - size + 1 :])
    return [
        written[at + size - 1] for at in range(len(written) - size + 1) if list(written[at : at + size - 1]) == tail
    ]
