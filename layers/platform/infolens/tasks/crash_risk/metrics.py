"""Metrics of crash_risk on held-out examples: as a whole, by borough and hours, and where such models fail."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, cast

import numpy as np

from infolens.rows.us_holidays import is_holiday
from infolens.tasks.crash_risk.schema import LABELS, TYPICAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

HEAVY_RAIN = 1.0
"""Inches a day: some twelve days a year."""

SNOW = 1.0
"""Inches a day: some nine days a year."""

SPIKE = 1.5
"""Times what is usual for the hours in these weeks: the crashes of one band in twenty."""

_ID = {name: number for number, name in enumerate(LABELS)}


def evaluate(
    rows: Sequence[Mapping[str, object]], answers: Sequence[Mapping[str, object]]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Compare examples with the predictor's answers -> (metrics, slices).

    Metrics (higher is better in all): `accuracy`; `precision`, `recall` and `macro_f1`, means over the classes that
    occur among truths or answers; `roc_auc`, mean over the classes of one against the rest; `within_one`, the share
    that is at most one class off; `macro_f1_over_seasonal`, how far macro-F1 is above that of the seasonal baseline on
    the same rows. A metric that the rows cannot tell (one class alone has no ROC) is left out.

    Slices: each borough and band of hours; `day=holiday`, the days around it, `day=snow`, `day=heavy_rain`, and
    `day=spike`, bands with half as many crashes again as is usual there in these weeks.

    Raises:
        ValueError: there are not as many answers as rows.
    """
    if len(rows) != len(answers):
        raise ValueError(f"{len(answers)} answers to {len(rows)} rows")
    if not rows:
        return {}, {}
    truth = np.array([_ID[str(row["label"])] for row in rows])
    answered = np.array([_ID[str(answer["label"])] for answer in answers])
    seasonal = np.array([_ID[str(row["seasonal"])] for row in rows])
    scores = np.array(
        [[cast("dict[str, float]", answer["probabilities"])[name] for name in LABELS] for answer in answers]
    )
    names = [slices_of(row) for row in rows]
    slices = {}
    for name in sorted(set().union(*names)):
        chosen = np.array([name in one for one in names])
        found = _metrics(truth[chosen], answered[chosen], seasonal[chosen], scores[chosen])
        slices[name] = {**found, "rows": float(chosen.sum())}
    return _metrics(truth, answered, seasonal, scores), slices


def unit(row: Mapping[str, object]) -> str:
    """Say what a row depends on: the bands of one day share its weather and its traffic."""
    return str(row["date"])


def slices_of(row: Mapping[str, object]) -> frozenset[str]:
    """Name the slices that a row is in."""
    day, hour = date.fromisoformat(str(row["date"])), cast("int", row["hour"])
    usual = cast("float", row.get("band_crashes_28d", TYPICAL[str(row["borough"])]))
    kinds = {
        "holiday": is_holiday(day),
        "snow": cast("float", row.get("snow", 0.0)) >= SNOW,
        "heavy_rain": cast("float", row.get("prcp", 0.0)) >= HEAVY_RAIN,
        "spike": cast("float", row.get("crashes", 0)) >= SPIKE * max(usual, 1.0),
    }
    return frozenset(
        {
            f"borough={row['borough']}",
            f"hours={hour:02}-{hour + 6:02}",
            *(f"day={name}" for name, is_so in kinds.items() if is_so),
        }
    )


def _metrics(
    truth: NDArray[np.int64], answered: NDArray[np.int64], seasonal: NDArray[np.int64], scores: NDArray[np.float64]
) -> dict[str, float]:
    precision, recall, f1 = _by_class(truth, answered)
    found = {
        "accuracy": float((truth == answered).mean()),
        "precision": precision,
        "recall": recall,
        "macro_f1": f1,
        "within_one": float((np.abs(truth - answered) <= 1).mean()),
        "macro_f1_over_seasonal": f1 - _by_class(truth, seasonal)[2],
    }
    area = _area(truth, scores)
    return found if area is None else found | {"roc_auc": area}


def _by_class(truth: NDArray[np.int64], answered: NDArray[np.int64]) -> tuple[float, float, float]:
    """Mean precision, recall and F1 of the classes that occur on either side; one never answered has precision 0."""
    counts = np.zeros((len(LABELS), len(LABELS)))
    np.add.at(counts, (truth, answered), 1.0)
    right, true, given = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    occurs = true + given > 0
    precision, recall = right / np.maximum(given, 1.0), right / np.maximum(true, 1.0)
    f1 = 2.0 * right / np.maximum(true + given, 1.0)
    return float(precision[occurs].mean()), float(recall[occurs].mean()), float(f1[occurs].mean())


def _area(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> float | None:
    """Mean area under the ROC curve of each class against the rest; None where no class has both sides."""
    areas = []
    for number in range(len(LABELS)):
        positive = truth == number
        some = int(positive.sum())
        if not 0 < some < len(truth):
            continue
        _, place, ties = np.unique(scores[:, number], return_inverse=True, return_counts=True)
        ranks = (np.cumsum(ties) - (ties - 1) / 2.0)[place]  # equal scores share their mean rank
        areas.append((ranks[positive].sum() - some * (some + 1) / 2.0) / (some * (len(truth) - some)))
    return float(np.mean(areas)) if areas else None
