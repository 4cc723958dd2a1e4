"""Words that keep the same company get like vectors."""

import numpy as np

from infolens.ml.training.corpus_vectors import corpus_vectors

# Tokens 5-8 stand together, 9-12 stand together; 13 never occurs. 2 and 3 are the marks of a text.
TEXTS = [np.array([2, *order, 3]) for order in ([5, 6, 7, 8], [7, 5, 8, 6], [9, 10, 11, 12], [12, 9, 11, 10])] * 5


def test_company_makes_like_vectors():
    """The cosine of two words of one topic is above that of two topics."""
    vectors = corpus_vectors(TEXTS, vocabulary=14, dim=2, seed=0)
    assert vectors.shape == (14, 2)
    assert vectors.dtype == np.float32
    assert vectors[5] @ vectors[6] > 0.99
    assert abs(vectors[5] @ vectors[9]) < 0.01


def test_lengths():
    """Words that occur have length 1; marks and words that never occur are zero."""
    lengths = np.linalg.norm(corpus_vectors(TEXTS, vocabulary=14, dim=4, seed=0), axis=1)
    assert np.allclose(lengths[5:13], 1.0, atol=1e-5)
    assert lengths[[0, 2, 3, 13]].max() < 1e-6


def test_seeded():
    """The same seed gives the same vectors."""
    first, second = (corpus_vectors(TEXTS, vocabulary=14, dim=4, seed=3) for _ in range(2))
    assert np.array_equal(first, second)


def test_more_dimensions_than_words():
    """Columns that a tiny vocabulary cannot fill are zero."""
    vectors = corpus_vectors(TEXTS, vocabulary=14, dim=32, seed=0)
    assert vectors.shape == (14, 32)
    assert not vectors[:, 13:].any()


def test_texts_without_words():
    """Empty texts among others are no error."""
    vectors = corpus_vectors([np.array([2, 3]), *TEXTS], vocabulary=14, dim=4, seed=0)
    assert np.isfinite(vectors).all()
