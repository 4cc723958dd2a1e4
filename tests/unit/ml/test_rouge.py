"""The fast ROUGE says what the library that measures says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from infolens.ml.rouge import Rouge, common_subsequence, rouge, rouge_words

SCORER = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "dog"]), max_size=30).map(" ".join)


@given(WORDS, WORDS)
@settings(max_examples=200, deadline=None)
def test_equal_to_the_library(reference, summary):
    """ROUGE-1, 2 and L of any two texts are rouge-score's."""
    theirs = SCORER.score(reference, summary)
    mine = rouge(rouge_words(reference), rouge_words(summary))
    assert mine.rouge1 == pytest.approx(theirs["rouge1"].fmeasure)
    assert mine.rouge2 == pytest.approx(theirs["rouge2"].fmeasure)
    assert mine.rouge_l == pytest.approx(theirs["rougeL"].fmeasure)


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_equal_to_the_library_for_any_characters(reference, summary):
    """Words are found as rouge-score finds them, whatever the characters are."""
    assert rouge(rouge_words(reference), rouge_words(summary)).rouge1 == pytest.approx(
        SCORER.score(reference, summary)["rouge1"].fmeasure
    )


@pytest.mark.parametrize(
    ("first", "second", "length"),
    [("", "", 0), ("a", "", 0), ("a b c", "a x c", 2), ("a b c d", "d c b a", 1), ("a a a", "a a", 2)],
)
def test_common_subsequence(first, second, length):
    """Order counts, gaps do not."""
    assert common_subsequence(first.split(), second.split()) == length


def test_weighted():
    """S0's score weighs ROUGE-L most: 0.2, 0.3, 0.5."""
    assert Rouge(1.0, 0.0, 0.0).weighted == pytest.approx(0.2)
    assert Rouge(0.0, 1.0, 0.0).weighted == pytest.approx(0.3)
    assert Rouge(0.0, 0.0, 1.0).weighted == pytest.approx(0.5)
