"""The right profile is chosen, and wrong names are refused."""

from dataclasses import replace

import pytest

from infolens.ml.training.job import TrainingError
from infolens.tasks.news_category import train as task_train
from ml_fakes import LABELS, PROVENANCE, ROWS, TINY, training_job, write_part


def test_profiles():
    """The gpu profile names the real checkpoint (S0-13); cpu starts from nothing, or from the model it is given."""
    assert task_train.choose_profile("gpu", "").base_model == "distilbert-base-uncased"
    assert task_train.choose_profile("gpu", "/models/other") is task_train.GPU
    assert task_train.choose_profile("cpu", "") is task_train.CPU
    assert task_train.choose_profile("cpu", "/models/minilm") is task_train.PRETRAINED_ON_CPU


def test_an_unknown_profile(tmp_path):
    """A profile that does not exist is refused with those that do."""
    with pytest.raises(TrainingError, match="profile: 'tpu' is none of cpu, gpu"):
        task_train.train(training_job(tmp_path, profile="tpu"))


def test_train_reads_its_splits(tmp_path, monkeypatch):
    """Train and validation rows go in; test rows never do."""
    rows = [*({**row, "split": "train"} for row in ROWS * 4), *({**row, "split": "validation"} for row in ROWS)]
    rows += [{"text": "unseen words of the test split", "label": "Travel", "split": "test"}]
    write_part(tmp_path / "dataset", rows)
    monkeypatch.setitem(task_train.PROFILES, "cpu", replace(TINY, epochs=1))
    record = task_train.train(training_job(tmp_path / "model", dataset=tmp_path / "dataset", profile="cpu"))
    assert record.provenance == PROVENANCE
    assert len(record.shape.labels) == 10
    assert set(LABELS) < set(record.shape.labels)
    assert "unseen" not in (tmp_path / "model" / "tokenizer.json").read_text()
