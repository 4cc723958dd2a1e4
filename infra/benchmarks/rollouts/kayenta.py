"""Kayenta's judge as published: Mann-Whitney on one point a minute, classified against the Hodges-Lehmann estimate.

Written from the formulas of R's `wilcox.test` (normal approximation, corrected for ties and continuity) and from the
description of Kayenta's classifier: a metric is "High" if the lower confidence bound of the shift exceeds `tolerance`
times the estimated shift. The score is the share of metrics, by weight, that are not High.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

TOLERANCE = 0.25
CONFIDENCE = 0.98
_QUANTILE = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)


def is_high(experiment: np.ndarray, control: np.ndarray) -> bool:
    """Whether the classifier calls the experiment's values too high."""
    if not len(experiment) or not len(control) or np.array_equal(experiment, control):
        return False
    lower, estimate = shift(experiment, control)
    return lower > TOLERANCE * abs(estimate)


def shift(experiment: np.ndarray, control: np.ndarray) -> tuple[float, float]:
    """Estimate how far the experiment lies above the control: lower confidence bound, and Hodges-Lehmann estimate."""
    m, n = len(experiment), len(control)
    differences = np.sort(np.subtract.outer(experiment, control), axis=None)
    ties = sum(_tied(values) for values in (experiment, control))
    spread = sqrt(max(0.0, m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1)))))
    middle = m * n / 2
    lower = int(middle - 0.5 - _QUANTILE * spread)
    return float(differences[max(0, lower)]), float(differences[min(int(middle), m * n - 1)])


def score(metrics: Iterable[tuple[float, np.ndarray, np.ndarray]]) -> float | None:
    """Score weighted metrics (weight, experiment, control) from 0 to 100; None where no metric has data."""
    known = [(weight, is_high(a, b)) for weight, a, b in metrics if len(a) and len(b)]
    total = sum(weight for weight, _ in known)
    return 100 * sum(weight for weight, high in known if not high) / total if known else None


def _tied(values: np.ndarray) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(float)
    return float((counts**3 - counts).sum())
