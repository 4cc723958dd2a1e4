"""The right profile is chosen, settings can be searched, and test rows are never learned from."""

from dataclasses import fields

import pytest

from comment_fakes import ROWS, TINY
from infolens.ml.metric_lines import METRIC_DEFINITIONS
from infolens.ml.training.job import TrainingError
from infolens.tasks.toxicity import train as task_train
from infolens.tasks.toxicity.search import SEARCH
from ml_fakes import training_job, write_part


def test_profiles():
    """The gpu profile names the real BERT checkpoint; cpu starts from nothing, or from the model it is given."""
    assert task_train.choose_profile("gpu", "").base_model == "bert-base-uncased"
    assert task_train.choose_profile("cpu", "").base_model == ""
    assert task_train.choose_profile("cpu", "/models/minilm") is task_train.PRETRAINED_ON_CPU


def test_an_unknown_profile(tmp_path):
    """A profile that does not exist is refused with those that do."""
    with pytest.raises(TrainingError, match="profile: 'tpu' is none of cpu, gpu"):
        task_train.train(training_job(tmp_path, profile="tpu"))


def test_train_reads_its_splits(tmp_path, monkeypatch, capsys):
    """Train and validation rows go in; test rows never do; a hyperparameter of the run goes before the profile's."""
    rows = [*({**row, "split": "train"} for row in ROWS * 4), *({**row, "split": "validation"} for row in ROWS)]
    rows += [{"text": "unseen words of the test split", "label": "toxic", "split": "test"}]
    write_part(tmp_path / "dataset", rows)
    monkeypatch.setitem(task_train.PROFILES, "cpu", TINY)
    job = training_job(
        tmp_path / "model", dataset=tmp_path / "dataset", profile="cpu", hyperparameters={"epochs": "1", "lr": "0.001"}
    )
    record = task_train.train(job)
    assert "train_rows=32 validation_rows=8" in capsys.readouterr().out
    assert (record.settings["epochs"], record.settings["lr"]) == (1, 0.001)
    assert record.labels == ("non-toxic", "toxic")


def test_search():
    """What a tuning job varies are settings of the profile."""
    assert set(SEARCH.parameters) <= {one.name for one in fields(task_train.CPU)}
    assert SEARCH.objective.startswith("validation_")


def test_the_search_finds_its_objective():
    """Training prints the objective, and SageMaker finds it in the log."""
    assert SEARCH.objective in {definition["Name"] for definition in METRIC_DEFINITIONS}
