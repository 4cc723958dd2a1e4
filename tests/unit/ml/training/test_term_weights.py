"""The linear model of terms learns what tells toxic comments, and what it says can be computed from its weights."""

import numpy as np
import pytest

from comment_fakes import BENIGN, SHAPE, TOXIC
from infolens.ml.comment_words import encode_terms, words_of
from infolens.ml.training.comment_augmentation import Words
from infolens.ml.training.job import TrainingError
from infolens.ml.training.term_weights import term_logits, term_weights

ROWS = Words([words_of(text) for text in (*BENIGN, *TOXIC)], [False] * 4 + [True] * 4)


def test_it_learns():
    """Toxic comments score above every benign one."""
    weights, bias = term_weights(ROWS, SHAPE, 10.0)
    assert weights.shape == (2 * SHAPE.buckets,)
    logits = term_logits(ROWS.texts, SHAPE, weights, bias)
    assert logits[4:].min() > logits[:4].max()


def test_a_logit_is_the_sum_of_weighted_terms():
    """Serving needs the weights alone: the scale of the terms is in them."""
    weights, bias = term_weights(ROWS, SHAPE, 1.0)
    terms, share = encode_terms(ROWS.texts[0], SHAPE)
    expected = float((weights[terms] * share).sum()) + bias
    assert term_logits(ROWS.texts[:1], SHAPE, weights, bias)[0] == pytest.approx(expected, abs=1e-5)


def test_the_same_rows_give_the_same_weights():
    """Fitting is not random."""
    first, second = (term_weights(ROWS, SHAPE, 1.0)[0] for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("kind", [True, False])
def test_one_label(kind):
    """A train split of one label cannot be learned from."""
    with pytest.raises(TrainingError, match="one of the two labels only"):
        term_weights(Words(ROWS.texts, [kind] * 8), SHAPE, 1.0)


def test_no_comments():
    """No comments give no logits."""
    assert term_logits([], SHAPE, np.zeros(2 * SHAPE.buckets, np.float32), 0.0).shape == (0,)
