"""A task describes itself, or is described by its columns; its floors are numbers that JSON has."""

import json
from types import MappingProxyType

import pytest

from infolens.contracts.task import RowRejected
from infolens.serving.task_documents import described_by_columns, description_of, floors, one_line
from infolens.tasks import UnknownTaskError, schema_of, task_names


class Columns:
    """A schema with every type of column."""

    label = "rating"
    columns = MappingProxyType(
        {
            "user": "int64",
            "name": "string",
            "when": "double",
            "seen": "list<int64>",
            "odd": "decimal",
            "rating": "double",
        }
    )


def test_by_columns():
    """Arrow's types become JSON's, and the label is no input."""
    said = described_by_columns(Columns()).input
    assert said["properties"] == {
        "user": {"type": "integer"},
        "name": {"type": "string"},
        "when": {"type": "number"},
        "seen": {"type": "array", "items": {"type": "integer"}},
        "odd": {},
    }
    assert said["required"] == ["user", "name", "when", "seen", "odd"]


@pytest.mark.parametrize("task", task_names())
def test_every_task(task):
    """Each task has its line, an input with members, and floors with reasons, all of it JSON."""
    assert one_line(task).endswith(".")
    said = description_of(task)
    assert said.input["type"] == "object"
    assert said.input["properties"]
    assert floors(task)
    assert all(floor["metric"] and floor["why"] for floor in floors(task))
    json.dumps([dict(said.input), dict(said.answer), floors(task)], allow_nan=False)


@pytest.mark.parametrize("task", task_names())
def test_own_descriptions(task):
    """A task says itself what it takes: what it calls needed is needed, and its example is one that it takes."""
    said = schema_of(task).describe()
    assert set(said.input["required"]) <= set(said.input["properties"])
    (example,) = said.input["examples"]
    assert set(example) <= set(said.input["properties"])
    schema_of(task).check(example)
    for name in said.input["required"]:
        with pytest.raises(RowRejected, match=name):
            schema_of(task).check({given: value for given, value in example.items() if given != name})


@pytest.mark.parametrize("task", task_names())
def test_limits_of_descriptions(task):
    """A number or a text just past a limit that a task tells of is refused, whatever else is given."""
    said = schema_of(task).describe()
    (example,) = said.input["examples"]
    # A title of its own would count for a text that is too short.
    needed = {*said.input["required"], *said.input.get("anyOf", [{"required": []}])[0]["required"]}
    least = {name: example[name] for name in needed}
    schema_of(task).check(least)
    for name, known in said.input["properties"].items():
        numbers, lengths = (("minimum", -1), ("maximum", 1)), (("minLength", -1), ("maxLength", 1))
        wrong = [known[limit] + step for limit, step in numbers if limit in known]
        wrong += ["x" * (known[limit] + step) for limit, step in lengths if limit in known]
        for value in wrong:
            with pytest.raises(RowRejected):
                schema_of(task).check(least | {name: value})


def test_unknown_task():
    """A task that is not there has no description."""
    with pytest.raises(UnknownTaskError):
        description_of("weather")
