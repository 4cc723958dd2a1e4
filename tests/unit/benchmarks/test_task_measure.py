"""The table of all tasks says what was measured, and does not hide what was refused or failed."""

import importlib.util
from pathlib import Path

import pytest

from infolens.tasks import task_names

SCRIPT = Path(__file__).parents[3] / "infra" / "benchmarks" / "tasks" / "measure.py"
_spec = importlib.util.spec_from_file_location("task_measure", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
measure = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(measure)

LINE = {
    "task": "news_category",
    "rows": 11_207,
    "held_out": 1_106,
    "headline": "accuracy",
    "floor": 0.7,
    "metrics": {"accuracy": 0.8056},
    "baseline": {"accuracy": 0.8021},
    "baseline_name": "TF-IDF",
    "seconds": {"train": 88.2},
    "bundle_mb": 7.3118,
    "bundle_mb_fp32": 7.9128,
    "quantised": True,
    "parity": {"rows": 400, "mean": 0.00044, "max": 0.0204, "flips": 0.0},
    "passed": True,
    "refusals": [],
}


def test_row_of_the_table():
    """Every figure that the issue asks for has its cell."""
    rows = measure.table([LINE]).splitlines()
    assert rows[2] == (
        "| news_category | 11,207 (1,106) | accuracy **0.806** | 0.70 | 0.802 (TF-IDF) | 88 | 7.9, 7.3 | "
        "0.00044, 0.02, 0.00% | passes |"
    )
    assert len({row.count("|") for row in rows}) == 1


def test_refusal_is_told():
    """A refused task stands in the table with the reason."""
    line = LINE | {"passed": False, "refusals": ["accuracy: 0.61: below the floor"]}
    assert measure.table([line]).endswith("| refused: accuracy: 0.61: below the floor |")


def test_missing_values_are_no_zeros():
    """A metric that the report or the baseline lacks is nan, no limit a dash, and no int8 is said."""
    row = measure.table([LINE | {"metrics": {}, "baseline": {}, "floor": None, "quantised": False}]).splitlines()[2]
    assert "accuracy **nan** | - | nan (TF-IDF)" in row
    assert "7.9, not quantised" in row


def test_task_that_could_not_be_measured():
    """An error keeps its place in the table."""
    row = measure.table([{"task": "toxicity", "error": "RehearsalError: train.py ended with 1:\nout of rows"}])
    assert row.splitlines()[2] == "| toxicity | - | - | - | - | - | - | - | not measured: out of rows |"


@pytest.mark.parametrize("metric", ["accuracy", "no such metric"])
def test_floor(metric):
    """The floor is the gate's, and none where no gate is on the metric as a whole."""
    assert measure.floor_of("news_category", metric) == (0.70 if metric == "accuracy" else None)


def test_every_measured_task_says_how():
    """Modules beside the script are those of tasks, and the first of them is there."""
    assert "news_category" in measure.measured_tasks()
    assert set(measure.measured_tasks()) <= set(task_names())
