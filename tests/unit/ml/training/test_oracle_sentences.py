"""The oracle takes the sentences that make the best summary, and knows when to stop."""

import itertools
import random
from collections import Counter

import pytest

from infolens.ml.rouge import WEIGHTS, rouge
from infolens.ml.training.oracle_sentences import oracle

LONGEST = (0.0, 0.0, 1.0)


def words(*sentences: str) -> list[list[str]]:
    """Sentences as lists of words."""
    return [sentence.split() for sentence in sentences]


@pytest.mark.parametrize("weights", [WEIGHTS, LONGEST])
def test_takes_what_the_summary_says(weights):
    """Sentences that stand in the summary are taken, talk is not."""
    article = words("boats are bought", "it rained all day", "work begins in may", "he said nothing")
    assert oracle(["boats", "are", "bought", "work", "begins", "in", "may"], article, weights) == [0, 2]


@pytest.mark.parametrize("weights", [WEIGHTS, LONGEST])
def test_nothing_shared(weights):
    """Where no word is shared, none is taken; nor from an empty article, nor for an empty summary."""
    assert oracle(["a", "b", "c"], words("x y", "z"), weights) == []
    assert oracle(["a", "b", "c"], [], weights) == []
    assert oracle([], words("x y"), weights) == []
    assert oracle(["a", "b"], [[], ["a", "b"]], weights) == [1]


def test_order_counts_for_the_longest_sequence():
    """ROUGE-L alone leaves out what the summary says in another order; S0's score takes both."""
    article = words("one two three four", "five six seven eight")
    summary = ["five", "six", "seven", "eight", "one", "two", "three", "four"]
    assert len(oracle(summary, article, LONGEST)) == 1
    assert oracle(summary, article, WEIGHTS) == [0, 1]


@pytest.mark.parametrize("weights", [WEIGHTS, LONGEST])
def test_as_plain_search(weights):
    """Bounds and masks change nothing: a search that tries everything at each step takes the same score."""
    source = random.Random(3)
    for _ in range(40):
        article = [[source.choice("abcdefg") for _ in range(source.randrange(1, 7))] for _ in range(6)]
        summary = [source.choice("abcdefg") for _ in range(8)]
        assert score(summary, article, oracle(summary, article, weights), weights) == pytest.approx(
            score(summary, article, plain(summary, article, weights), weights), abs=0.05
        )


def plain(summary, article, weights):
    """Greedy search without any shortcut."""
    chosen: list[int] = []
    best = 0.0
    while True:
        tries = {
            at: score(summary, article, sorted([*chosen, at]), weights)
            for at in range(len(article))
            if at not in chosen
        }
        at = max(tries, key=tries.__getitem__, default=-1)
        if at < 0 or tries[at] <= best + 1e-9:
            return sorted(chosen)
        best = tries[at]
        chosen.append(at)


def score(summary, article, chosen, weights):
    """Weighted ROUGE of the chosen sentences; pairs of words within sentences, as the oracle counts them."""
    together = list(itertools.chain.from_iterable(article[at] for at in chosen))
    found = rouge(summary, together)
    return weights[0] * found.rouge1 + weights[1] * pairs(summary, article, chosen) + weights[2] * found.rouge_l


def pairs(summary, article, chosen):
    """F-measure of pairs of words that stand within one sentence."""
    mine = Counter(pair for at in chosen for pair in itertools.pairwise(article[at]))
    theirs = Counter(itertools.pairwise(summary))
    total = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / total if total else 0.0
