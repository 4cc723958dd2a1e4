"""Word vectors from the rows at hand: what words stand near each other, for models that start from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
from sklearn.utils.extmath import randomized_svd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WINDOW = 10  # tokens on each side: headlines are short, so topic counts for more than grammar
_SMOOTHING = 0.75  # of context counts, against rare contexts (Levy, Goldberg and Dagan 2015, section 3.2)


def corpus_vectors(texts: Sequence[NDArray[np.int64]], vocabulary: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Factorise the positive pointwise mutual information of tokens (Levy and Goldberg 2014).

    Args:
        texts: token ids of each text, special ones first and last.
        vocabulary: number of rows wanted.
        dim: number of columns wanted.
        seed: of the randomised factorisation.

    Returns:
        shape (vocabulary, dim); rows of tokens that occur have length 1, others are zero.
    """
    counts = _neighbours(texts, vocabulary)
    words = np.asarray(counts.sum(axis=1)).ravel()
    contexts = words**_SMOOTHING / (words**_SMOOTHING).sum()
    information = np.log(counts.data / (words[counts.row] * contexts[counts.col]))
    positive = coo_matrix((np.maximum(information, 0.0), (counts.row, counts.col)), shape=counts.shape).tocsr()
    rank = min(dim, vocabulary - 1)
    left, strength, _ = randomized_svd(positive, n_components=rank, n_iter=4, random_state=seed)
    vectors = np.zeros((vocabulary, dim), dtype=np.float32)
    vectors[:, :rank] = left * np.sqrt(strength)  # the symmetric weighting, section 3.3 of the same paper
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return vectors


def _neighbours(texts: Sequence[NDArray[np.int64]], vocabulary: int) -> coo_matrix:
    """Count how often two tokens stand within the window of one text; symmetric."""
    words = np.concatenate([ids[1:-1] for ids in texts])
    text = np.repeat(np.arange(len(texts)), [max(len(ids) - 2, 0) for ids in texts])
    pairs = []
    for distance in range(1, _WINDOW + 1):
        together = text[:-distance] == text[distance:]
        first, second = words[:-distance][together], words[distance:][together]
        pairs += [first * vocabulary + second, second * vocabulary + first]
    cells, counts = np.unique(np.concatenate(pairs), return_counts=True)
    return coo_matrix(
        (counts.astype(np.float64), (cells // vocabulary, cells % vocabulary)), shape=(vocabulary, vocabulary)
    )
