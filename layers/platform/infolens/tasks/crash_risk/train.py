"""Trains crash_risk: the profiles with their reasons, the examples that go in, the tables that go with the model."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, cast

from infolens.ml.training.job import TrainingError, profile_named, with_hyperparameters
from infolens.ml.training.tabular_model import TabularShape
from infolens.ml.training.tabular_training import Profile, Table, train_tabular
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.tasks.crash_risk.examples import split_examples
from infolens.tasks.crash_risk.predict import Tables, features, write_tables
from infolens.tasks.crash_risk.schema import BANDS, LABELS, WEATHER, label_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.ml.training.job import TrainingJob
    from infolens.ml.training.tabular_model import TabularRecord

CPU = Profile(
    hidden=32,  # validation loss 1.117; 64 wide 1.115, without a hidden layer 1.120
    epochs=80,  # never reached: the patience ends training before
    patience=12,
    batch_size=128,
    lr=3e-3,
    weight_decay=0.1,  # most of the noise is that of counts; a tenth of it, with less dropout, validates 0.004 worse
    dropout=0.3,
    class_share=0.5,  # the numbers teach more than the classes, the classes are what is asked
    log_every=10,
)

GPU = CPU
"""The same: some thousand weights on some thousand examples are trained in seconds; a GPU would wait for Python."""

PROFILES = {"cpu": CPU, "gpu": GPU}

COUNTS = 80
"""Numbers of crashes whose class the model knows one by one; more are Dangerous anywhere (36 in Brooklyn already)."""

_CITY_WEIGHT = 30.0
"""Crashes with which the city's share of a weekday and band stands beside the borough's own."""

_CENTRAL_PARK = {"prcp": 0.0, "snow": 0.0, "snwd": 0.0, "tmax": 62.0, "tmin": 48.0, "awnd": 5.0}
"""Rounded means over the year, for a dataset without weather."""


def train(job: TrainingJob) -> TabularRecord:
    """Train on the examples of the train days and validate on those of the days after.

    Raises:
        TrainingError: no examples, an unknown profile or hyperparameter, a base model.
    """
    chosen = profile_named(PROFILES, job.profile)
    if job.base_model:
        raise TrainingError(f"base model: crash_risk has none to start from, got {job.base_model!r}")
    profile = with_hyperparameters(chosen, job.hyperparameters)
    examples = split_examples(job.dataset)
    if not examples["train"]:
        raise TrainingError(
            "dataset: no borough has days enough; five covered days before a day are needed to tell its recent level"
        )
    tables = tables_of(examples["train"], [example for part in examples.values() for example in part])
    write_tables(job.output, tables)
    train_table, validation_table = (_table(examples[name], tables) for name in ("train", "validation"))
    shape = TabularShape(
        labels=LABELS,
        columns=len(train_table.features[0]) - 2,
        hidden=profile.hidden,
        classes=tuple(
            tuple(LABELS.index(label_of(number, borough)) for number in range(COUNTS)) for borough in BOROUGHS
        ),
        beyond=0,
    )
    return train_tabular(job, profile, shape, train_table, validation_table)


def tables_of(examples: Sequence[Mapping[str, object]], every: Sequence[Mapping[str, object]]) -> Tables:
    """Make what stands in for missing fields.

    Args:
        examples: the training examples, of which shares and normals are made.
        every: those of all splits in the order of days, for the newest levels; no held-out answer leans on these, since
            every example has a level of its own.
    """
    crashes: defaultdict[tuple[object, ...], float] = defaultdict(float)
    level: defaultdict[tuple[object, ...], float] = defaultdict(float)
    last = {str(example["borough"]): cast("float", example["daily_crashes_28d"]) for example in every}
    for example in examples:
        weekday = date.fromisoformat(str(example["date"])).weekday()
        recent = cast("float", example["daily_crashes_28d"])
        for key in ((weekday, example["hour"]), (example["borough"], weekday, example["hour"])):
            crashes[key] += cast("int", example["crashes"])
            level[key] += recent

    def share(borough: str, weekday: int, hour: int) -> float:
        # One quarter of a day, as long as nothing is known; the sums of the city, the more the fewer of the borough.
        own, city = (borough, weekday, hour), (weekday, hour)
        usual = (crashes[city] + 1.0) / (level[city] + len(BANDS))
        return round((crashes[own] + _CITY_WEIGHT * usual) / (level[own] + _CITY_WEIGHT), 6)

    return Tables(
        level={name: round(last.get(name, _mean(list(last.values()))), 4) for name in BOROUGHS},
        share={name: [[share(name, weekday, hour) for hour in BANDS] for weekday in range(7)] for name in BOROUGHS},
        normals={name: _normal(name, examples) for name in WEATHER},
    )


def _normal(name: str, examples: Sequence[Mapping[str, object]]) -> list[float]:
    """Mean of each month; of the year, where a month was not seen. Days are mostly dry: no rain and no snow."""
    if _CENTRAL_PARK[name] == 0.0:
        return [0.0] * 12
    seen: defaultdict[int, list[float]] = defaultdict(list)
    for example in examples:
        if name in example:
            seen[int(str(example["date"])[5:7])].append(cast("float", example[name]))
    means = {month: _mean(values) for month, values in seen.items()}
    otherwise = _mean(list(means.values())) if means else _CENTRAL_PARK[name]
    return [round(means.get(month, otherwise), 2) for month in range(1, 13)]


def _table(examples: Sequence[Mapping[str, object]], tables: Tables) -> Table:
    return Table(
        features=[features(example, tables)[0] for example in examples],
        events=[float(cast("int", example["crashes"])) for example in examples],
        labels=[LABELS.index(str(example["label"])) for example in examples],
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
