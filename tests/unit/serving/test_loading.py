"""A bundle is fetched into the environment's own scratch space, and every task has a sentence to warm it up with."""

import tempfile

import pytest

from infolens.serving import loading
from infolens.serving.loading import warm_up_inputs
from infolens.tasks import schema_of, task_names


@pytest.mark.parametrize("task", task_names())
def test_warm_up_input(task):
    """One input that the task's own schema takes, the same each time."""
    (given,) = warm_up_inputs(task)
    assert schema_of(task).check(given) == given
    assert warm_up_inputs(task) == (given,)


def test_each_environment_fetches_into_its_own_scratch_space(monkeypatch, tmp_path):
    """Two environments on one machine have two temporary folders, and so never write into each other's bundle."""
    asked = []
    monkeypatch.setattr(loading, "download", lambda uri, digest, directory: asked.append(directory))
    monkeypatch.setattr(loading, "part_of", lambda task, part: type("Part", (), {"load": lambda *_: None}))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
        loading.load_bundle("any", "s3://models/bundles/any/d/", "d")
    assert asked == [tmp_path / "one" / "d", tmp_path / "two" / "d"]
