"""How crash_risk is measured: the public crashes and weather days, and the seasonal class beside the model."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date

from infolens.tasks.crash_risk.metrics import evaluate
from infolens.tasks.crash_risk.schema import LABELS

FILES = (
    "nyc_collisions/crashes_2016_2020.csv.gz",
    "nyc_collisions/crashes_202201.csv",
    "nyc_collisions/crashes_202301.csv",
    "nyc_collisions/crashes_queens_2020_2023.csv.gz",
    "nyc_collisions/weather_central_park_daily.csv",
)
HEADLINE = "macro_f1"
BASELINE = "seasonal: most frequent class of borough x weekday x hours"

Example = dict[str, object]


def baseline(train: list[Example], test: list[Example]) -> dict[str, float]:
    """Metrics of how often each class had been seen in the borough, on the weekday and in the hours."""
    seen: defaultdict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    for example in train:
        for key in keys(example):
            seen[key][str(example["label"])] += 1
    metrics, _ = evaluate(
        test, [answer(next((seen[key] for key in keys(one) if key in seen), Counter())) for one in test]
    )
    return metrics


def keys(example: Example) -> tuple[tuple[object, ...], ...]:
    """Where to look, the nearest first: a borough that a weekday was not seen of, then any borough."""
    weekday = date.fromisoformat(str(example["date"])).weekday()
    return (example["borough"], weekday, example["hour"]), (example["borough"], example["hour"]), (example["hour"],)


def answer(seen: Counter[str]) -> Example:
    """Answer as the predictor does, with half a precedent for each class."""
    shares = {name: (seen[name] + 0.5) / (seen.total() + 0.5 * len(LABELS)) for name in LABELS}
    label = seen.most_common(1)[0][0] if seen else "Average"
    return {"label": label, "probabilities": shares}
