"""What can be said of scores before a threshold is chosen, and which threshold to choose; numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEAR = 0.005
"""F1 that a threshold may be below the best one: far less than the error of F1 on a thousand rows."""


def roc_auc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Chance that a positive row scores above a negative one, ties counted half (Mann-Whitney).

    Raises:
        ValueError: one of the two kinds is missing, or a score is no number.
    """
    _check(positive, scores)
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1, ties share the middle
    ones, zeros = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def fpr_at_recall(positive: NDArray[np.bool_], scores: NDArray[np.float64], recall: float) -> float:
    """Share of negative rows flagged at the highest threshold that flags at least `recall` of the positive ones.

    Raises:
        ValueError: one of the two kinds is missing, or a score is no number.
    """
    return float((scores[~positive] >= threshold_at_recall(positive, scores, recall)).mean())


def threshold_at_recall(positive: NDArray[np.bool_], scores: NDArray[np.float64], recall: float) -> float:
    """Highest threshold that flags (score >= threshold) at least `recall` of the positive rows.

    Raises:
        ValueError: one of the two kinds is missing, or a score is no number.
    """
    _check(positive, scores)
    found = np.sort(scores[positive])[::-1]
    needed = max(1, int(np.ceil(recall * len(found) - 1e-9)))
    return float(found[needed - 1])


def threshold_near_best_f1(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, float]:
    """Give a threshold (score >= threshold) for the F1 of the positive rows, and the F1 that it has here.

    Among a thousand rows the best threshold itself hangs on one or two of them; this is the mean of all observed
    scores whose F1 is within half a point of the best.

    Raises:
        ValueError: one of the two kinds is missing, or a score is no number.
    """
    _check(positive, scores)
    values, place = np.unique(scores, return_inverse=True)
    flagged = np.cumsum(np.bincount(place)[::-1])[::-1]
    right = np.cumsum(np.bincount(place, weights=positive)[::-1])[::-1]
    f1 = 2 * right / (flagged + positive.sum())
    threshold = float(values[f1 >= f1.max() - _NEAR].mean())
    chosen = scores >= threshold
    return threshold, float(2 * (chosen & positive).sum() / (chosen.sum() + positive.sum()))


def _check(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
    if positive.all() or not positive.any():
        raise ValueError(f"{len(scores)} rows are all of one kind; both are needed")
    if not np.isfinite(scores).all():
        raise ValueError("a score is no number")
