"""Every folder under infolens/tasks has the same shape; whoever adds one runs this first."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infolens.contracts.evaluation import Direction, Gate, ParityGate
from infolens.contracts.rollout import Plan
from infolens.contracts.task import RowRejected
from infolens.tasks import part_of, schema_of, task_names

ROOT = Path(__file__).parents[2]
FOLDERS = ROOT / "layers" / "platform" / "infolens" / "tasks"
SERVING = ("schema", "metrics", "gates", "plan", "predict", "sample")
TRAINING = ("train", "export")
ARROW_TYPES = {"string", "int64", "double", "list<int64>"}
FORBIDDEN = ("torch", "transformers", "boto3", "botocore", "pandas", "sklearn", "scipy", "pyarrow", "onnx")

pytestmark = pytest.mark.parametrize("task", task_names())


def bound(task: str, row: dict[str, str], *, labelled: bool) -> dict[str, str]:
    """A CSV row by the schema's own names, as ingest hands it over."""
    header = list(row)
    return {name: row[header[at]] for name, at in schema_of(task).bind(header, labelled=labelled).items()}


def test_shape(task):
    """The folder holds the nine parts, each beginning with a sentence, and no others."""
    folder = FOLDERS / task
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {*SERVING, *TRAINING}
    for path in folder.glob("*.py"):
        assert inspect.getdoc(importlib.import_module(f"infolens.tasks.{task}.{path.stem}".removesuffix(".__init__")))
    assert (folder / "README.md").is_file()


def test_readme(task):
    """The README says what comes in and out, and every point of its checklist is ticked."""
    text = (FOLDERS / task / "README.md").read_text()
    assert text.startswith(f"# {task}\n")
    assert "**Input**" in text
    assert "**Answer**" in text
    points = re.findall(r"^- \[(.)\] (.+)$", text, flags=re.MULTILINE)
    assert len(points) >= 8
    assert [what for mark, what in points if mark != "x"] == []
    for part in (*SERVING, *TRAINING):
        assert f"`{part}.py`" in text, f"the checklist does not speak of {part}.py"


def test_schema(task):
    """The schema knows its name, its columns and their types, and leaves ingest's own columns alone."""
    schema = schema_of(task)
    assert schema.task == task
    assert set(schema.columns.values()) <= ARROW_TYPES
    assert not set(schema.columns) & {"identity", "split", "line", "upload_id"}
    assert schema.label == "" or schema.label in schema.columns
    assert 0.0 < schema.bad_row_budget < 1.0


def test_a_header_of_nothing_known_is_refused(task):
    """A file without a known column is refused with the names that would do."""
    for labelled in (True, False):
        with pytest.raises(RowRejected) as refusal:
            schema_of(task).bind(["no such column"], labelled=labelled)
        assert "," in refusal.value.reason


def test_an_empty_input_is_refused(task):
    """An input with nothing in it is refused, and the field is named."""
    with pytest.raises(RowRejected) as refusal:
        schema_of(task).check({})
    assert refusal.value.field


def test_gates(task):
    """There is at least one gate; each names a metric that the task computes, a direction, least rows and a source."""
    gates = part_of(task, "gates")
    assert gates.GATES
    rows, answers = evaluated(task)
    metrics, _ = part_of(task, "metrics").evaluate(rows, answers)
    for gate in gates.GATES:
        assert isinstance(gate, Gate)
        assert isinstance(gate.direction, Direction)
        assert gate.metric in metrics
        assert gate.min_rows > 0
        assert gate.max_loss is None or gate.max_loss >= 0.0
        assert gate.why
    assert len({gate.metric for gate in gates.GATES}) == len(gates.GATES)
    assert isinstance(gates.PARITY, ParityGate)
    assert 0.0 < gates.PARITY.max_mean_difference < 0.1
    assert 0.0 <= gates.PARITY.max_label_flips < 0.1
    assert gates.PARITY.min_rows > 0


def test_least_rows_can_pass(task):
    """The smallest dataset worth training has, on average, the test rows that the gates ask for."""
    gates = part_of(task, "gates")
    assert max(gate.min_rows for gate in gates.GATES) <= gates.MIN_ROWS * 0.1
    assert gates.PARITY.min_rows <= gates.MIN_ROWS * 0.1


def test_plan(task):
    """The plan rises to 100 %, asks for requests at every step, and its limits are limits."""
    plan = part_of(task, "plan").PLAN
    assert isinstance(plan, Plan)
    assert list(plan.weights) == sorted(set(plan.weights))
    assert plan.weights[0] > 0
    assert plan.weights[-1] == 100
    assert plan.min_requests > 0
    assert 0 < plan.look_seconds < plan.max_step_seconds
    assert 0.0 < plan.guardrails.max_error_rate < 1.0
    assert plan.guardrails.max_latency_ratio > 1.0
    assert plan.alarms.period_seconds in {10, 30} or plan.alarms.period_seconds % 60 == 0
    assert plan.alarms.faults_per_period >= 1
    assert plan.alarms.min_latency_periods >= 1


def test_sample_is_seeded(task):
    """Equal arguments give equal rows, another seed others, and no row is empty."""
    sample = part_of(task, "sample")
    assert sample.rows(50, 1, dirt=0.2) == sample.rows(50, 1, dirt=0.2)
    assert sample.rows(50, 1) != sample.rows(50, 2)
    assert all(set(row) == set(sample.rows(1, 1)[0]) for row in sample.rows(50, 1, dirt=0.2))


def test_sample_is_clean_for_its_own_schema(task):
    """Rows without dirt are all taken; clean rows have the schema's columns, and some identity."""
    schema = schema_of(task)
    for row in part_of(task, "sample").rows(200, 1):
        clean = schema.clean(bound(task, row, labelled=True))
        assert list(clean) == list(schema.columns)
        assert schema.identity(clean)
        json.dumps(clean)


def test_planted_dirt_is_refused(task):
    """Each row that must be refused is refused for its own field, in words."""
    refused = part_of(task, "sample").refused_rows()
    assert refused
    for row, field in refused:
        with pytest.raises(RowRejected) as refusal:
            schema_of(task).clean(bound(task, row, labelled=True))
        assert refusal.value.field == field
        assert refusal.value.reason


def test_unlabelled_sample_can_be_answered(task):
    """Rows of a sample batch pass the check of the API."""
    for row in part_of(task, "sample").unlabelled(50, 1):
        schema_of(task).check(bound(task, row, labelled=False))


def test_metrics(task):
    """Every metric and slice is a number; right answers are no worse than shifted ones."""
    rows, answers = evaluated(task)
    metrics, slices = part_of(task, "metrics").evaluate(rows, answers)
    assert metrics
    assert all(isinstance(value, float) for value in metrics.values())
    for values in slices.values():
        assert values["rows"] > 0
    worse, _ = part_of(task, "metrics").evaluate(rows, answers[1:] + answers[:1])
    for gate in part_of(task, "gates").GATES:
        sign = 1 if gate.direction is Direction.HIGHER else -1
        assert sign * metrics[gate.metric] > sign * worse[gate.metric]


def evaluated(task: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Clean sample rows, and for each the right answer."""
    schema = schema_of(task)
    rows = [schema.clean(bound(task, row, labelled=True)) for row in part_of(task, "sample").rows(60, 1)]
    return rows, [part_of(task, "sample").right_answer(row) for row in rows]


def test_entry_points(task):
    """Training, export and loading take what the jobs and functions hand over."""
    for part, function, given in (
        ("train", "train", ["job"]),
        ("export", "export", ["job"]),
        ("predict", "load", ["directory", "manifest"]),
    ):
        entry = getattr(part_of(task, part), function)
        assert list(inspect.signature(entry).parameters) == given


def test_serving_never_reaches_training(task):
    """What serves imports neither torch nor transformers nor boto3, also not through others."""
    modules = [f"infolens.tasks.{task}.{part}" for part in SERVING]
    script = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(sorted(set({FORBIDDEN!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
