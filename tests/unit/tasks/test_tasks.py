"""Tasks are found by their folders, and by nothing else."""

import pytest

from infolens.tasks import UnknownTaskError, part_of, schema_of, task_names


def test_folders_are_tasks():
    """Every package below tasks/ is one; the modules beside them are none."""
    assert "news_category" in task_names()
    assert "evaluation" not in task_names()


def test_a_tasks_schema_knows_its_name():
    """The schema of a task is that task's."""
    assert schema_of("news_category").task == "news_category"


@pytest.mark.parametrize("name", ["horoscope", "", "..", "news_category.schema"])
def test_an_unknown_task(name):
    """A name without a folder is refused with the names there are."""
    with pytest.raises(UnknownTaskError, match="news_category"):
        part_of(name, "schema")
