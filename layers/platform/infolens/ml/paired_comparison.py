"""Compares two models on the very same rows: candidate minus champion of each metric, with bounds by resampling them.

Two means say nothing about their difference: most rows are answered alike, so that the difference is known far better
than either mean, and on few rows it is known far worse than it looks. Here rows (or the units that they come in) are
drawn again with replacement, both models are measured on each draw, and the quantiles of the differences are the bounds
(paired percentile bootstrap: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

Draws know nothing of what none of the rows shows: identical answers to 80 rows would give bounds of no width, although
one row in thirty may well be lost unseen, and with a handful of different answers the bounds are too near as well. So
the "rule of three" is added, as independent errors add up (the root of the sum of squares): what happens to a share of
-ln(1 - level) / n of all rows is missed altogether by n of them with probability 1 - level. One row is taken to move a
metric by 1/n at most, as it does where metrics are means of values between 0 and 1. How often the bounds hold is
simulated in tests/unit/ml/test_paired_comparison.py.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap  # type: ignore[import-untyped]

from infolens.contracts.evaluation import PairedDifference

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from numpy.typing import NDArray

Name = TypeVar("Name", bound="Hashable")

LEVEL = 0.95
"""Confidence of each bound by itself: non-inferiority asks about one side only."""

MOST_RESAMPLES = 1_000
"""Their 5 % quantile is good to some 4 % of the interval's width."""

LEAST_RESAMPLES = 200

_ROWS_MEASURED = 2_000_000
"""Rows measured in all draws together, per model: what bounds the time on large test splits."""

_LEAST_MEASURABLE = 0.95
"""Share of draws on which a metric must have a value: AUC has none where a draw holds one class alone."""

_SEED = 20
_BATCH = 64
"""Draws made at once, which bounds the memory."""


def differences_of_measures(
    candidate: Callable[[Sequence[int]], Mapping[Name, float]],
    champion: Callable[[Sequence[int]], Mapping[Name, float]],
    units: Sequence[Hashable],
) -> dict[Name, PairedDifference]:
    """Compare any metrics; a metric that one of the two lacks, or that most draws lack, is left out.

    Args:
        candidate: metrics of the candidate on the rows with these numbers, which repeat.
        champion: metrics of the champion on them.
        units: for each row what it belongs to; rows of one unit are drawn together, since they are not independent.
    """
    members = _members(units)
    everything = range(len(units))
    mine, theirs = candidate(everything), champion(everything)
    names = [name for name in mine if name in theirs and math.isfinite(mine[name]) and math.isfinite(theirs[name])]

    def difference(drawn: NDArray[np.int64]) -> list[float]:
        rows = np.concatenate([members[unit] for unit in drawn]).tolist()
        one, other = candidate(rows), champion(rows)
        return [one.get(name, math.nan) - other.get(name, math.nan) for name in names]

    def statistic(drawn: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:  # noqa: ARG001 - always the last
        flat = drawn.reshape(-1, drawn.shape[-1])
        return np.array([difference(each) for each in flat]).T.reshape(len(names), *drawn.shape[:-1])

    resamples = min(MOST_RESAMPLES, max(LEAST_RESAMPLES, _ROWS_MEASURED // max(1, len(units))))
    observed = {name: mine[name] - theirs[name] for name in names}
    return _bounded(observed, statistic, units=len(members), rows=len(units), resamples=resamples)


def differences_of_means(
    candidate: Mapping[Name, Sequence[float]], champion: Mapping[Name, Sequence[float]], units: Sequence[Hashable]
) -> dict[Name, PairedDifference]:
    """Compare metrics that are means over rows, given their value on each row; far faster than measuring each draw.

    Args:
        candidate: metric -> value on each row.
        champion: the same on the same rows; a metric that one of the two lacks is left out.
        units: as in `differences_of_measures`.

    Raises:
        ValueError: there are not as many values as rows.
    """
    names = [name for name in candidate if name in champion]
    members = _members(units)
    for name in names:
        if not len(candidate[name]) == len(champion[name]) == len(units):
            raise ValueError(f"{name}: {len(candidate[name])} and {len(champion[name])} values for {len(units)} rows")
    by_row = np.array([np.subtract(candidate[name], champion[name]) for name in names]).reshape(len(names), len(units))
    sums = np.array([by_row[:, rows].sum(axis=1) for rows in members]).T.reshape(len(names), len(members))
    counts = np.array([len(rows) for rows in members])

    def statistic(drawn: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:
        means: NDArray[np.float64] = sums[:, drawn].sum(axis=axis) / counts[drawn].sum(axis=axis)
        return means

    observed = dict(zip(names, by_row.mean(axis=1).tolist(), strict=True)) if units else {}
    return _bounded(observed, statistic, units=len(members), rows=len(units), resamples=MOST_RESAMPLES)


def on_part(difference: PairedDifference, rows: int) -> PairedDifference:
    """Give the difference of a metric that only `rows` of all rows have a part in: that many rows miss more."""
    units = min(difference.units, rows)
    unseen = math.sqrt(max(0.0, _unseen(units) ** 2 - _unseen(difference.units) ** 2))
    low, high = _widened(difference.value, difference.low, difference.high, unseen)
    return replace(difference, low=low, high=high, rows=rows, units=units)


def _unseen(units: int) -> float:
    """Share of units that none of so many shows with probability 1 - LEVEL."""
    return -math.log(1 - LEVEL) / units


def _widened(value: float, low: float, high: float, unseen: float) -> tuple[float, float]:
    return value - math.hypot(max(0.0, value - low), unseen), value + math.hypot(max(0.0, high - value), unseen)


def _members(units: Sequence[Hashable]) -> list[NDArray[np.int64]]:
    rows_of: dict[Hashable, list[int]] = {}
    for row, unit in enumerate(units):
        rows_of.setdefault(unit, []).append(row)
    return [np.array(rows) for rows in rows_of.values()]


def _bounded(
    observed: Mapping[Name, float],
    statistic: Callable[..., NDArray[np.float64]],
    *,
    units: int,
    rows: int,
    resamples: int,
) -> dict[Name, PairedDifference]:
    """Draw, and put bounds to each observed difference; a single unit cannot be drawn from."""
    if units < 2 or not observed:
        return {}
    with warnings.catch_warnings():
        # Draws that are all alike, or not all numbers, are dealt with below.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        drawn = bootstrap(
            (np.arange(units),),
            statistic,
            vectorized=True,
            n_resamples=resamples,
            method="percentile",
            batch=_BATCH,
            rng=np.random.default_rng(_SEED),
        ).bootstrap_distribution
    method = f"percentile bootstrap, {resamples} draws of {units} {'rows' if units == rows else 'units'}"
    found = {}
    for (name, value), values in zip(observed.items(), drawn, strict=True):
        finite = values[np.isfinite(values)]
        if len(finite) < _LEAST_MEASURABLE * resamples:
            continue
        low, high = map(float, np.quantile(finite, [1 - LEVEL, LEVEL]))
        bounds = _widened(float(value), low, high, _unseen(units))
        found[name] = PairedDifference(float(value), *bounds, rows, units, method, LEVEL)
    return found
