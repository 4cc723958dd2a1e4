"""Every folder under infolens/tasks has the same shape; whoever adds one runs this first."""

from __future__ import annotations

import csv
import importlib
import inspect
import json
import math
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from infolens.contracts.evaluation import Direction, EvaluationReport, Gate, ParityGate, ParityReport, Quantisation
from infolens.contracts.load import LoadGate
from infolens.contracts.rollout import Plan
from infolens.contracts.task import RowRejected
from infolens.gates import judge, refusals
from infolens.ml.training.job import with_hyperparameters
from infolens.ml.training.rehearsal import take_files
from infolens.tasks import feedback_of, part_of, schema_of, task_names
from infolens.tasks.evaluation import Answers, HeldOut

ROOT = Path(__file__).parents[2]
FOLDERS = ROOT / "layers" / "platform" / "infolens" / "tasks"
SERVING = ("schema", "metrics", "gates", "plan", "predict", "sample", "cases", "search", "feedback")
DATA = ("examples",)
"""Reads Parquet, in jobs; loads no training library."""
TRAINING = ("train", "export")
PARTS = (*SERVING, *DATA, *TRAINING)
SPLITS = ("train", "validation", "test")
ARROW_TYPES = {"string", "int64", "double", "list<int64>"}
LABELS_TOLD_LATER = {"news_summary": "summary", "movie_recommendation": "target"}
"""The member of an example that is the truth, where it is not called "label"."""
FORBIDDEN = ("torch", "transformers", "boto3", "botocore", "pandas", "sklearn", "scipy", "pyarrow", "onnx")

pytestmark = pytest.mark.parametrize("task", task_names(), scope="module")


def bound(task: str, row: dict[str, str], *, labelled: bool) -> dict[str, str]:
    """A CSV row by the schema's own names, as ingest hands it over."""
    header = list(row)
    return {name: row[header[at]] for name, at in schema_of(task).bind(header, labelled=labelled).items()}


def test_shape(task):
    """The folder holds the parts, each beginning with a sentence, and no others."""
    folder = FOLDERS / task
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == set(PARTS)
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
    for part in PARTS:
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


def test_gates(task, held_out):
    """There is at least one gate; each names a metric that the task computes, a direction, least rows and a source."""
    gates = part_of(task, "gates")
    assert gates.GATES
    metrics, slices = held_out.measure(right_answers(held_out))
    for gate in gates.GATES:
        assert isinstance(gate, Gate)
        assert isinstance(gate.direction, Direction)
        for found in matching(slices, gate) if gate.slice else [metrics]:
            assert gate.metric in found
        assert gate.min_rows > 0
        assert gate.max_loss is None or gate.max_loss >= 0.0
        assert gate.max_gap is None or (gate.slice and gate.max_gap >= 0.0)
        assert math.isfinite(gate.limit) or gate.max_gap is not None or gate.max_loss is not None
        assert gate.why
    assert any(not gate.slice for gate in gates.GATES)
    assert len({(gate.metric, gate.slice) for gate in gates.GATES}) == len(gates.GATES)
    assert isinstance(gates.PARITY, ParityGate)
    assert 0.0 < gates.PARITY.max_mean_difference < 0.1
    assert 0.0 <= gates.PARITY.max_label_flips < 0.1
    assert gates.PARITY.min_rows > 0


def test_load_gate(task, held_out):
    """What the version must stand is S1's gate or, where it says why, a slower answer; held-out rows can be asked."""
    gate = part_of(task, "gates").LOAD
    assert isinstance(gate, LoadGate)
    assert 0.0 < gate.max_p95_ms <= 1000.0
    assert gate.min_requests_per_second >= 20.0
    assert gate.min_success >= 0.99
    assert gate.min_requests > 0
    assert gate.why
    for example in held_out.examples[:50]:
        assert schema_of(task).check(json.loads(json.dumps(example)))


def test_least_rows_can_pass(task, held_out):
    """On the smallest dataset worth training, a model that is always right passes every gate: it has the rows."""
    gates = part_of(task, "gates")
    metrics, slices = held_out.measure(right_answers(held_out))
    report = EvaluationReport(
        task,
        "run",
        "data",
        "digest",
        len(held_out.examples),
        metrics,
        slices,
        "",
        {},
        quantisation=Quantisation("", "none"),
    )
    parity = ParityReport("digest", len(held_out.examples), 0.0, 0.0, 0.0)
    verdict = judge(report, parity, gates.GATES, gates.PARITY, bundle_digest="digest", champion_digest="")
    assert refusals(verdict) == ()


def test_examples(task, held_out, smallest):
    """Each split has examples; an example is taken by the schema as an input, and no example is in two splits."""
    splits = {split: part_of(task, "examples").examples(smallest, split) for split in SPLITS}
    assert all(splits.values())
    for example in splits["test"][:50]:
        accepted = schema_of(task).check({name: example[name] for name in checked_fields(task) if name in example})
        assert all(example[name] == value for name, value in accepted.items() if name in example)
    texts = [{json.dumps(example, sort_keys=True, default=str) for example in made} for made in splits.values()]
    assert sum(map(len, texts)) == len(set.union(*texts))


def test_cases(task, held_out):
    """Each case can be asked as an input of the API can, and its suite's name is a slice's."""
    for case in part_of(task, "cases").CASES:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", case.suite)
        assert schema_of(task).check(
            {name: case.example[name] for name in checked_fields(task) if name in case.example}
        )


def checked_fields(task: str) -> list[str]:
    """Fields of what the schema makes of an input."""
    row = part_of(task, "sample").unlabelled(1, 1)[0]
    return list(schema_of(task).check(bound(task, row, labelled=False)))


def matching(slices, gate) -> list[dict[str, float]]:
    """Slices that a gate speaks of; there is one at least."""
    found = [values for name, values in slices.items() if fnmatchcase(name, gate.slice)]
    assert found, f"no slice {gate.slice}; there are {', '.join(slices)}"
    return found


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


def test_metrics(task, held_out):
    """Every metric and slice is a number; right answers are no worse than shifted ones."""
    right = right_answers(held_out)
    metrics, slices = held_out.measure(right)
    assert metrics
    assert all(isinstance(value, float) for value in metrics.values())
    for values in slices.values():
        assert values["rows"] > 0
    shifted = Answers(right.examples[1:] + right.examples[:1], right.cases)
    worse, _ = held_out.measure(shifted)
    for gate in part_of(task, "gates").GATES:
        if not gate.slice:
            sign = 1 if gate.direction is Direction.HIGHER else -1
            assert sign * metrics[gate.metric] > sign * worse[gate.metric]


def test_comparison(task, held_out):
    """Right answers are surely no worse than shifted ones in each metric that a gate compares with the champion's."""
    gates = [gate for gate in part_of(task, "gates").GATES if gate.max_loss is not None]
    right = right_answers(held_out)
    shifted = Answers(right.examples[1:] + right.examples[:1], right.cases)
    overall, slices = held_out.compare(right, shifted, gates)
    for gate in gates:
        if not gate.slice:
            found = overall[gate.metric]
            assert (found.low > 0.0) if gate.direction is Direction.HIGHER else (found.high < 0.0)
        else:
            assert any(fnmatchcase(name, gate.slice) and gate.metric in slices[name] for name in slices)


@pytest.fixture(scope="module")
def smallest(task, tmp_path_factory) -> Path:
    """The smallest dataset worth training, of the task's own sample rows, made by ingest's own code."""
    least = part_of(task, "gates").MIN_ROWS
    rows = part_of(task, "sample").rows(least + least // 2, 1)
    folder = tmp_path_factory.mktemp(task)
    with (folder / "rows.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert take_files(task, [folder / "rows.csv"], folder / "dataset", rows_of_each=least).kept == least
    return folder / "dataset"


@pytest.fixture(scope="module")
def held_out(task, smallest) -> HeldOut:
    """What a bundle that was trained on it would be measured on."""
    return HeldOut.of(task, smallest)


def right_answers(held_out: HeldOut) -> Answers:
    """Answers of a predictor that is always right."""
    right = part_of(held_out.task, "sample").right_answer
    cases = {suite: [right(example) for example in examples] for suite, examples in held_out.cases.items()}
    return Answers([right(example) for example in held_out.examples], cases)


def test_entry_points(task):
    """Training, export and loading take what the jobs and functions hand over."""
    for part, function, given in (
        ("train", "train", ["job"]),
        ("export", "export", ["job"]),
        ("predict", "load", ["directory", "manifest"]),
    ):
        entry = getattr(part_of(task, part), function)
        assert list(inspect.signature(entry).parameters) == given


@pytest.mark.parametrize(
    ("parts", "allowed"), [(SERVING, set()), (DATA, {"pyarrow", "pandas"})], ids=["serving", "data"]
)
def test_serving_never_reaches_training(task, parts, allowed):
    """What serves imports neither torch nor transformers nor boto3, also not through others.

    Examples read Parquet; pyarrow loads pandas by itself where it is installed.
    """
    modules = [f"infolens.tasks.{task}.{part}" for part in parts]
    script = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(sorted(set({FORBIDDEN!r}) & set(sys.modules) - {allowed!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_feedback(task, held_out):
    """A right answer scores 1 with its own label and agrees with itself; an empty one is null and scores 0."""
    feedback = feedback_of(task)
    truths = LABELS_TOLD_LATER.get(task, "label")
    asked = list(zip(held_out.examples[:20], right_answers(held_out).examples[:20], strict=True))
    for example, answer in asked:
        label = feedback.check_label(example[truths])
        assert feedback.check_label(label) == label == json.loads(json.dumps(label))
        assert feedback.score(answer, label) == 1.0
        assert feedback.score({}, label) == 0.0
        assert feedback.agree(answer, answer)
        assert not feedback.agree(answer, {})
        assert not feedback.agree({}, answer)
        assert not feedback.null(answer)
        assert isinstance(feedback.kind(answer), str)
    assert any(not feedback.agree(one, other) for _, one in asked for _, other in asked)
    for nothing in ({}, {"label": None, "confidence": float("nan"), "summary": " ", "top_items": []}):
        assert feedback.null(nothing)
        assert feedback.kind(nothing) == ""
    for label in (None, True, [], {}, "", 1.5, -1, 10**30):
        with pytest.raises(RowRejected) as refusal:
            feedback.check_label(label)
        assert refusal.value.field == "label"


def test_search(task):
    """What a tuning job may vary are settings of every profile, with values that they take; the direction is known."""
    search, profiles = part_of(task, "search").SEARCH, part_of(task, "train").PROFILES
    assert search.objective
    assert isinstance(search.direction, Direction)
    assert {"cpu", "gpu"} <= set(profiles)
    for name, values in search.parameters.items():
        assert len(set(values)) == len(values) >= 2
        for profile in profiles.values():
            for value in values:
                assert getattr(with_hyperparameters(profile, {name: str(value)}), name) == value
