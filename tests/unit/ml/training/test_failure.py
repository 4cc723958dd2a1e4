"""A failing job leaves its reason where SageMaker looks, and ends with status 1."""

import pytest

from infolens.ml.training.failure import reported_failure


def test_reason_is_written(tmp_path, capsys):
    """The file holds error and message; the same line ends stderr."""
    with pytest.raises(SystemExit) as end, reported_failure(tmp_path / "output" / "failure"):
        raise ValueError("dataset: no rows")
    assert end.value.code == 1
    assert (tmp_path / "output" / "failure").read_text() == "ValueError: dataset: no rows"
    assert capsys.readouterr().err.splitlines()[-1] == "ValueError: dataset: no rows"


def test_reason_is_cut(tmp_path):
    """SageMaker keeps 1024 characters."""
    with pytest.raises(SystemExit), reported_failure(tmp_path / "failure"):
        raise ValueError("x" * 5000)
    assert len((tmp_path / "failure").read_text()) == 1024


def test_success_writes_nothing(tmp_path):
    """A job that ends well leaves no failure file."""
    with reported_failure(tmp_path / "failure"):
        pass
    assert not (tmp_path / "failure").exists()
