"""Crashes and weather days by the hundred, as clean rows of crash_risk, and small models of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from infolens.ml.training.job import Provenance, TrainingJob
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.tasks.crash_risk import sample
from infolens.tasks.crash_risk.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROVENANCE = Provenance(task="crash_risk", run_id="run-1", dataset_id="data-1", code_version="code-1")
FIRST = date(2021, 3, 1)
"""A Monday."""


def crash(day: date, hour: int, borough: str, number: int, borough_from: str = "report") -> dict[str, object]:
    """One clean crash."""
    return dict.fromkeys(SCHEMA.columns) | {
        "kind": "crash",
        "date": day.isoformat(),
        "time": f"{hour:02}:30",
        "borough": borough,
        "borough_from": borough_from,
        "injured": 0,
        "killed": 0,
        "collision_id": str(number),
    }


def weather(day: date, **values: float) -> dict[str, object]:
    """One clean weather day."""
    return dict.fromkeys(SCHEMA.columns) | {"kind": "weather", "date": day.isoformat(), **values}


def city_day(day: date, each: int = 6, boroughs: Sequence[str] = BOROUGHS) -> list[dict[str, object]]:
    """A day with `each` crashes in each band of each borough: 120 in all by default, enough to cover the city."""
    start = day.toordinal() * 10_000
    return [
        crash(day, hour, borough, start + 1_000 * at + 100 * (hour // 6) + number)
        for at, borough in enumerate(boroughs)
        for hour in (2, 8, 14, 20)
        for number in range(each)
    ]


def days(count: int, **given: object) -> list[dict[str, object]]:
    """Several such days in a row, from FIRST on."""
    return [row for n in range(count) for row in city_day(FIRST + timedelta(days=n), **given)]  # type: ignore[arg-type]


def sample_rows(count: int, seed: int = 1) -> list[dict[str, object]]:
    """Clean sample rows: crashes and their weather."""
    rows = [*sample.rows(count, seed), *sample.weather_rows(count, seed)]
    return [SCHEMA.clean({name: list(row.values())[at] for name, at in _bound(tuple(row)).items()}) for row in rows]


def write_part(directory: Path, rows: Sequence[dict[str, object]]) -> Path:
    """Write rows as a Parquet part of a dataset."""
    directory.mkdir(parents=True, exist_ok=True)
    types = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64()}
    columns = {name: pa.array([row[name] for row in rows], types[kind]) for name, kind in SCHEMA.columns.items()}
    columns["split"] = pa.array([SCHEMA.split(row) for row in rows], pa.string())
    pq.write_table(pa.table(columns), directory / "part.parquet")
    return directory


def training_job(output: Path, dataset: Path, **given: object) -> TrainingJob:
    """A job of the cpu profile."""
    output.mkdir(parents=True, exist_ok=True)
    settings: dict[str, object] = {"checkpoints": None, "profile": "cpu", "base_model": "", "seed": 20} | given
    return TrainingJob(provenance=PROVENANCE, dataset=dataset, output=output, **settings)  # type: ignore[arg-type]


def _bound(header: tuple[str, ...]) -> dict[str, int]:
    return SCHEMA.bind(header, labelled=True)
