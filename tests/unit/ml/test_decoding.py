"""Greedy and lookup decoding follow the rules of their config; beams are compared with transformers elsewhere."""

import numpy as np
import pytest

from infolens.ml.decoding import DecodingRules, greedy, repeating

START, END = 0, 1


class Scripted:
    """Wants one token after another, then the end; remembers what it was given."""

    def __init__(self, *wanted: int) -> None:
        """Take the wishes."""
        self.wanted = [*wanted, END, END, END]
        self.given: list[int] = []

    def next_logits(self, tokens: np.ndarray) -> np.ndarray:
        """Wish the next token strongly, and each larger id a little more than the one below it."""
        (row,) = tokens.tolist()
        logits = np.tile(np.arange(10, dtype=np.float32) / 100, (1, len(row), 1))
        for at, token in enumerate(row):
            self.given.append(token)
            logits[0, at, self.wanted[len(self.given) - 1]] = 5.0
        return logits

    def forget(self, count: int) -> None:
        """Forget the last ones."""
        del self.given[-count:]


def test_until_the_end():
    """Tokens are written until the end, which is no part of them; each is given back for the next."""
    steps = Scripted(5, 6, 7)
    assert greedy(steps, DecodingRules(START, END, max_tokens=20)) == [5, 6, 7]
    assert steps.given == [START, 5, 6, 7]


@pytest.mark.parametrize(("forced", "written"), [(True, [5, 6]), (False, [5, 6, 7])])
def test_most_tokens(forced, written):
    """Of three tokens the last is the end where that is forced, and the third wish where it is not (S0-23)."""
    rules = DecodingRules(START, END, max_tokens=3, forced_end=forced)
    assert greedy(Scripted(5, 6, 7, 8), rules) == written


def test_forced_first():
    """A model that was made to begin with a token begins with it, whatever it wishes."""
    assert greedy(Scripted(5, 6), DecodingRules(START, END, max_tokens=9, forced_first_id=3)) == [3, 6]


def test_no_repetition():
    """A pair of tokens that stands already is not written again: the next likeliest takes its place."""
    assert greedy(Scripted(5, 6, 5, 6), DecodingRules(START, END, max_tokens=9, no_repeat=2)) == [5, 6, 5, 9]


@pytest.mark.parametrize(
    ("written", "size", "banned"),
    [([0, 5, 6, 5], 2, [6]), ([0, 5, 6, 7, 5, 6], 3, [7]), ([0, 5], 3, []), ([0, 5, 5], 0, []), ([5, 5], 1, [5, 5])],
)
def test_repeating(written, size, banned):
    """What would complete a sequence of that size a second time is banned."""
    assert repeating(written, size) == banned
