"""Compares the scores of an exported bundle with those of the model it was made from; numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from infolens.contracts.evaluation import ParityReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

REFERENCE_NAME = "reference.json"
"""File beside an exported bundle: {"inputs": [...], "scores": [[...]]}, scores of the trained model."""


def compare(
    scores: NDArray[np.float32] | Sequence[Sequence[float]],
    reference: NDArray[np.float32] | Sequence[Sequence[float]],
    bundle_digest: str,
) -> ParityReport:
    """Compare probabilities of the same inputs, both of shape (inputs, labels).

    A score that is no number counts as a difference of 1 and as a flip: a model that answers NaN is broken, not equal.

    Raises:
        ValueError: the shapes differ, so the two do not speak of the same inputs or labels.
    """
    mine, theirs = np.asarray(scores, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if mine.shape != theirs.shape:
        raise ValueError(f"scores have shape {mine.shape}, the reference has {theirs.shape}")
    if not mine.size:
        return ParityReport(bundle_digest, rows=0, mean_difference=1.0, max_difference=1.0, label_flips=1.0)
    numbers = np.isfinite(mine) & np.isfinite(theirs)
    sound = numbers.all(axis=1)
    difference = np.where(numbers, np.abs(np.nan_to_num(mine) - np.nan_to_num(theirs)), 1.0)
    flips = ~sound | (np.nan_to_num(mine).argmax(axis=1) != np.nan_to_num(theirs).argmax(axis=1))
    return ParityReport(
        bundle_digest=bundle_digest,
        rows=len(mine),
        mean_difference=float(difference.mean()),
        max_difference=float(difference.max()),
        label_flips=float(flips.mean()),
    )
