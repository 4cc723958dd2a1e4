"""A task describes itself, or is described by its columns; its floors are numbers that JSON has."""

import json
from types import MappingProxyType

import pytest

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


@pytest.mark.parametrize("task", [task for task in task_names() if hasattr(schema_of(task), "describe")])
def test_own_descriptions(task):
    """What a task says is needed is what its schema asks for: without any of it the input is refused."""
    said = schema_of(task).describe()
    assert set(said.input["required"]) <= set(said.input["properties"])
    with pytest.raises(ValueError, match=r"\w"):
        schema_of(task).check({})


def test_unknown_task():
    """A task that is not there has no description."""
    with pytest.raises(UnknownTaskError):
        description_of("weather")
