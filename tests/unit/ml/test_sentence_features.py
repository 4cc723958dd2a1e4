"""Articles are read the same way in training and serving, and no text makes a feature that is no number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.ml.sentence_features import FEATURES, HEADLINE_WORDS, MAX_SENTENCES, describe, read_article

TEXT = "Millions for boats\n\nThe ferry line buys nine boats. It rained for hours. He said the boats are new."


def column(text: str, name: str) -> list[float]:
    """One feature of all sentences."""
    return describe(read_article(text))[:, FEATURES.index(name)].tolist()


def test_headline():
    """A first paragraph without a mark is the headline: known, but not chosen from; places count it."""
    article = read_article(TEXT)
    assert article.headline == "Millions for boats"
    assert article.sentences == (
        "The ferry line buys nine boats.",
        "It rained for hours.",
        "He said the boats are new.",
    )
    assert article.places == (1, 2, 3)


@pytest.mark.parametrize(
    "text",
    [
        "It rained all day.\n\nHe left.",
        "It rained all day",
        " ".join(["word"] * (HEADLINE_WORDS + 1)) + "\n\nHe left.",
        "Boats and trains? Yes\n\nHe left.",
    ],
)
def test_no_headline(text):
    """A full stop, no second paragraph, too many words or two sentences: then it is no headline."""
    assert read_article(text).headline == ""
    assert read_article(text).places[0] == 0


def test_headline_of_the_longest_kind():
    """As many words as the limit are a headline."""
    title = " ".join(["word"] * HEADLINE_WORDS)
    assert read_article(f"{title}\n\nHe left.").headline == title


def test_what_features_say():
    """Some columns, by hand."""
    assert column(TEXT, "place") == [0, 1, 2]
    assert column(TEXT, "words") == [6, 4, 6]
    assert column(TEXT, "share_of_words_before") == [0, 6 / 16, 10 / 16]
    assert column(TEXT, "said") == [0, 0, 1]
    assert column(TEXT, "points_back") == [0, 1, 1]
    assert column(TEXT, "headline_shared") == [0.5, 0, 0.5]
    nearness = column(TEXT, "likeness_to_first")
    assert nearness[0] == 1.0
    assert nearness[2] > nearness[1]


def test_only_so_many_sentences():
    """What stands behind the limit is not looked at."""
    text = " ".join(f"Sentence number {at} is here." for at in range(MAX_SENTENCES + 5))
    assert len(read_article(text).sentences) == MAX_SENTENCES
    assert describe(read_article(text)).shape == (MAX_SENTENCES, len(FEATURES))


@given(st.text(min_size=1, max_size=300).filter(str.strip))
@settings(max_examples=200, deadline=None)
def test_any_text(text):
    """Any text that has a character has a sentence, and all its features are finite numbers."""
    article = read_article(text)
    features = describe(article)
    assert article.sentences
    assert features.shape == (len(article.sentences), len(FEATURES))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
