"""Fits the linear model of terms that stands beside a comment classifier's patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix, diags  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression

from infolens.ml.comment_words import encode_terms
from infolens.ml.training.job import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from infolens.ml.comment_words import WordShape
    from infolens.ml.training.comment_augmentation import Words


def term_weights(rows: Words, shape: WordShape, strength: float) -> tuple[NDArray[np.float32], float]:
    """Fit a logistic regression on the comments as they are -> weight of each term, shape (2 * buckets,), and bias.

    Each term is scaled by its inverse document frequency before it is fitted; the weights have the scale in them, so
    that serving knows nothing of it.

    Args:
        rows: the training comments.
        shape: how they are encoded.
        strength: inverse of the regularisation.

    Raises:
        TrainingError: the comments are all of one kind.
    """
    if all(rows.positive) or not any(rows.positive):
        raise TrainingError("dataset: the train split holds one of the two labels only")
    terms = _matrix(rows.texts, shape)
    comments = np.bincount(terms.indices, minlength=terms.shape[1])
    scale = np.log((len(rows.texts) + 1) / (comments + 1)) + 1.0
    model = LogisticRegression(C=strength, solver="liblinear").fit(terms @ diags(scale), rows.positive)
    return (model.coef_[0] * scale).astype(np.float32), float(model.intercept_[0])


def term_logits(
    texts: Sequence[Sequence[str]], shape: WordShape, weights: NDArray[np.float32], bias: float
) -> NDArray[np.float64]:
    """Give what the linear model says of each comment, shape (texts,)."""
    found: NDArray[np.float64] = _matrix(texts, shape) @ weights.astype(np.float64) + bias
    return found


def _matrix(texts: Sequence[Sequence[str]], shape: WordShape) -> csr_matrix:
    rows = [encode_terms(words, shape) for words in texts]
    starts = np.concatenate([[0], np.cumsum([len(terms) for terms, _ in rows])])
    if not rows:
        return csr_matrix((0, 2 * shape.buckets))
    numbers, weights = (np.concatenate(some) for some in zip(*rows, strict=True))
    return csr_matrix((weights, numbers, starts), shape=(len(rows), 2 * shape.buckets))
