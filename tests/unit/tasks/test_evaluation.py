"""A bundle is measured on held-out examples and on the task's own cases, and compared row by row with another."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from infolens.contracts.evaluation import Direction, Gate
from infolens.tasks import evaluation
from infolens.tasks.evaluation import Answers, HeldOut, MetricsError

ACCURACY = Gate("accuracy", Direction.HIGHER, 0.5, 0.05, min_rows=1, why="x")


@dataclass(frozen=True)
class Case:
    """As `infolens.contracts.task.Case`."""

    suite: str
    example: dict[str, object]


def evaluate(rows, answers):
    """Accuracy on all rows and by colour."""
    right = [float(row["truth"] == answer["said"]) for row, answer in zip(rows, answers, strict=True)]
    slices = {}
    for colour in sorted({row["colour"] for row in rows}):
        mine = [one for one, row in zip(right, rows, strict=True) if row["colour"] == colour]
        slices[f"colour={colour}"] = {"accuracy": sum(mine) / len(mine), "rows": float(len(mine))}
    return ({"accuracy": sum(right) / len(right), "errors": 1 - sum(right) / len(right)} if right else {}), slices


def per_row(rows, answers):
    """Right or wrong, row by row."""
    return {"accuracy": [float(row["truth"] == answer["said"]) for row, answer in zip(rows, answers, strict=True)]}


ROWS = [{"truth": number % 2, "colour": "red" if number % 4 else "blue", "day": number // 10} for number in range(200)]
CASES = (
    Case("negation", {"truth": 1, "colour": "red", "day": 0}),
    Case("negation", {"truth": 0, "colour": "red", "day": 0}),
)


@pytest.fixture
def task(monkeypatch):
    """The parts of a task, as a test may change them."""
    parts = {
        "examples": SimpleNamespace(examples=lambda dataset, split: ROWS if split == "test" else []),
        "cases": SimpleNamespace(CASES=CASES),
        "metrics": SimpleNamespace(evaluate=evaluate),
    }
    monkeypatch.setattr(evaluation, "part_of", lambda name, part: parts[part])
    return parts


def held_out() -> HeldOut:
    """The test split and the cases."""
    return HeldOut.of("any", None)


def answers(wrong=(), wrong_cases=()) -> Answers:
    """Right answers but for the rows and cases with these numbers."""
    said = [{"said": row["truth"] if number not in wrong else -1} for number, row in enumerate(ROWS)]
    cases = [{"said": case.example["truth"] if number not in wrong_cases else -1} for number, case in enumerate(CASES)]
    return Answers(said, {"negation": cases})


def test_cases_are_slices(task):
    """Metrics are of the test split alone; each suite of cases is a slice with its own metrics and its size."""
    metrics, slices = held_out().measure(answers(wrong=range(20), wrong_cases=[1]))
    assert metrics == {"accuracy": 0.9, "errors": pytest.approx(0.1)}
    assert slices["cases=negation"] == {"accuracy": 0.5, "errors": 0.5, "rows": 2.0}
    assert slices["colour=blue"] == {"accuracy": 0.9, "rows": 50.0}


def test_no_cases(task):
    """A task without cases has the slices of its data only."""
    task["cases"].CASES = ()
    _, slices = held_out().measure(Answers(answers().examples, {}))
    assert set(slices) == {"colour=blue", "colour=red"}


def test_slice_of_the_data_cannot_pose_as_cases(task):
    """Rows of the data must not be taken for cases."""
    task["metrics"].evaluate = lambda rows, said: ({}, {"cases=negation": {"rows": 1.0}})
    with pytest.raises(MetricsError, match="cases=negation"):
        held_out().measure(answers())


def test_comparison(task):
    """Every metric has its difference; slices are compared where a gate asks for them."""
    overall, slices = held_out().compare(answers(wrong=range(10)), answers(wrong=range(30)), [ACCURACY])
    assert overall["accuracy"].value == pytest.approx(0.10)
    assert 0.0 < overall["accuracy"].low < 0.10 < overall["accuracy"].high
    assert overall["errors"].value == pytest.approx(-0.10)
    assert (overall["accuracy"].rows, overall["accuracy"].units) == (200, 200)
    assert slices == {}


def test_slices_of_data_and_cases_are_compared_where_asked(task):
    """A gate on slices with max_loss gets their differences, with as many rows as they have."""
    gates = [ACCURACY, Gate("accuracy", Direction.HIGHER, 0.5, 0.05, 1, "x", slice="colour=b*")]
    candidate, champion = answers(wrong=[0, 4]), answers(wrong=[0])
    _, slices = held_out().compare(candidate, champion, gates)
    assert set(slices) == {"colour=blue"}
    blue = slices["colour=blue"]["accuracy"]
    assert blue.value == pytest.approx(-0.02)
    assert (blue.rows, blue.units) == (50, 50)
    assert blue.low < -0.05
    suites = [Gate("accuracy", Direction.HIGHER, 0.5, 0.05, 1, "x", slice="cases=*")]
    _, slices = held_out().compare(answers(wrong_cases=[0]), answers(), suites)
    assert set(slices) == {"cases=negation"}
    assert slices["cases=negation"]["accuracy"].value == -0.5


def test_metrics_by_row_are_not_measured_on_draws(task):
    """Where every compared metric is a mean over rows, `evaluate` is not asked again and again."""
    calls = []

    def counted(rows, said):
        calls.append(len(rows))
        return evaluate(rows, said)

    task["metrics"] = SimpleNamespace(evaluate=counted, per_row=per_row)
    overall, _ = held_out().compare(answers(wrong=range(10)), answers(wrong=range(30)), [ACCURACY])
    assert set(overall) == {"accuracy"}
    assert overall["accuracy"].value == pytest.approx(0.10)
    assert len(calls) == 2


def test_metrics_that_are_no_means_are_measured_as_well(task):
    """A compared metric that `per_row` does not offer is measured on draws, and both are there."""
    task["metrics"].per_row = per_row
    gates = [ACCURACY, Gate("errors", Direction.LOWER, 0.5, 0.05, 1, "x")]
    overall, _ = held_out().compare(answers(wrong=range(10)), answers(wrong=range(30)), gates)
    assert set(overall) == {"accuracy", "errors"}


def test_per_row_that_is_not_the_metric(task):
    """Values by row whose mean is another figure than the metric would judge something else: refused."""
    task["metrics"].per_row = lambda rows, said: {"accuracy": [1.0] * len(rows)}
    with pytest.raises(MetricsError, match=r"accuracy: the mean over rows is 1.0, the metric is 0.95"):
        held_out().compare(answers(wrong=range(10)), answers(), [ACCURACY])


def test_rows_of_one_unit(task):
    """A task whose rows are not independent says what they belong to, and the difference counts those units."""
    task["metrics"].unit = lambda row: row["day"]
    for by_row in (False, True):
        if by_row:
            task["metrics"].per_row = per_row
        overall, _ = held_out().compare(answers(wrong=range(10)), answers(wrong=range(30)), [ACCURACY])
        assert (overall["accuracy"].rows, overall["accuracy"].units) == (200, 20)
        assert overall["accuracy"].low <= 0.0  # two days of twenty


def test_variants_are_no_rows_of_evidence():
    """An example changed is the same example once more."""
    examples = [{"x": 1}, {"x": 2, "variant": ""}, {"x": 2, "variant": "removed"}]
    assert HeldOut("any", examples, {}).rows == 2
