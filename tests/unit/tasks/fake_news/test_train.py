"""The right profile is chosen, it keeps to the requirement's limits, and no text shows the model where it is from."""

from dataclasses import replace

import pytest

from infolens.ml.tokens import TextTokens
from infolens.ml.training.job import TrainingError
from infolens.rows.source_marks import SOURCE_MARKS
from infolens.tasks.fake_news import sample
from infolens.tasks.fake_news import train as task_train
from infolens.tasks.fake_news.schema import LABELS, SCHEMA
from ml_fakes import PROVENANCE, training_job, write_part

ALL = [task_train.CPU, task_train.GPU, task_train.PRETRAINED_ON_CPU]


def test_profiles():
    """The gpu profile names the real checkpoint (S0-13); cpu starts from nothing, or from the model it is given."""
    assert task_train.choose_profile("gpu", "").base_model == "xlnet-base-cased"
    assert task_train.choose_profile("gpu", "/models/other") is task_train.GPU
    assert task_train.choose_profile("cpu", "") is task_train.CPU
    assert task_train.choose_profile("cpu", "/models/minilm") is task_train.PRETRAINED_ON_CPU
    assert task_train.CPU.size.family == "xlnet"


@pytest.mark.parametrize("profile", ALL)
def test_the_encoder_reads_256_tokens(profile):
    """S0-24, in every profile."""
    assert (profile.encoder_tokens or profile.max_tokens) == 256


@pytest.mark.parametrize("profile", ALL)
def test_marks_are_hidden_in_every_profile(profile):
    """A pretrained model would learn an agency's name as gladly as a small one."""
    assert profile.hidden == SOURCE_MARKS


def test_an_unknown_profile(tmp_path):
    """A profile that does not exist is refused with those that do."""
    with pytest.raises(TrainingError, match="profile: 'tpu' is none of cpu, gpu"):
        task_train.train(training_job(tmp_path, profile="tpu"))


def test_training_from_nothing(tmp_path, monkeypatch):
    """Train and validation rows go in, test rows never do; and the tokenizer that is served hides the mark."""
    rows = []
    for raw in sample.rows(60, 1):
        row = SCHEMA.clean(raw)
        rows.append({**row, "split": "train" if len(rows) < 40 else "validation"})
    write_part(tmp_path / "dataset", [*rows, {"text": "zyxwvut " * 9, "label": "fake", "split": "test"}])
    monkeypatch.setitem(task_train.PROFILES, "cpu", replace(task_train.CPU, epochs=1, min_steps=1, vocabulary=300))
    record = task_train.train(training_job(tmp_path / "model", dataset=tmp_path / "dataset", profile="cpu"))
    assert record.provenance == PROVENANCE
    assert record.shape.labels == LABELS
    assert "zyx" not in (tmp_path / "model" / "tokenizer.json").read_text()
    tokens = TextTokens(tmp_path / "model" / "tokenizer.json", 256)
    plain = "Court hears case over the recount. A second hearing is scheduled for Tuesday."
    marked = plain.replace(". A", ". WASHINGTON (Reuters) - A")
    assert tokens.ids(marked).tolist() == tokens.ids(plain).tolist()
    assert len(tokens.ids("The recount is on Friday. " * 400)) == 256
