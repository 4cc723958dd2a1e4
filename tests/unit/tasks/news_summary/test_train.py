"""The right kind of model is trained for a profile, exported as what it is, and opened by one entry."""

from dataclasses import replace

import pytest

from infolens.ml.bundle import verify
from infolens.ml.encoder_decoder import EncoderDecoder
from infolens.ml.sentence_ranker import SentenceRanker
from infolens.ml.training.job import TrainingError
from infolens.tasks.news_summary import train as task_train
from infolens.tasks.news_summary.examples import examples
from infolens.tasks.news_summary.export import export
from infolens.tasks.news_summary.predict import load
from infolens.tasks.news_summary.search import SEARCH
from summary_fakes import (
    PAIRS,
    TINY_BART,
    TINY_RANKER,
    clean_rows,
    export_job,
    tiny_bart,
    training_job,
    write_dataset,
)


def test_profiles():
    """Gpu names the real checkpoint with S0-23's limits and LoRA (S0-13, S0-29); cpu starts from nothing."""
    gpu = task_train.choose_profile("gpu", "")
    assert (gpu.base_model, gpu.max_input, gpu.max_output) == ("facebook/bart-base", 1024, 128)
    assert gpu.lora.rank > 0
    assert task_train.choose_profile("cpu", "") is task_train.CPU
    assert task_train.CPU.rules.max_tokens == 128
    assert task_train.choose_profile("cpu", "/models/bart") is gpu


def test_search():
    """Both profiles have the fields that a search varies, and their own values are among the tried ones' range."""
    for profile in task_train.PROFILES.values():
        assert all(hasattr(profile, name) for name in SEARCH.parameters)


def test_an_unknown_profile(tmp_path):
    """A profile that does not exist is refused with those that do."""
    with pytest.raises(TrainingError, match="profile: 'tpu' is none of cpu, gpu"):
        task_train.train(training_job(tmp_path, profile="tpu"))


def test_an_unknown_hyperparameter(tmp_path):
    """A setting that the profile does not have is refused by name."""
    write_dataset(tmp_path / "dataset", clean_rows(20))
    with pytest.raises(TrainingError, match="hyperparameter 'beams'"):
        task_train.train(training_job(tmp_path, hyperparameters={"beams": "4"}))


def test_ranker(tmp_path, monkeypatch):
    """From the dataset's parts to a bundle: train rows train, test rows become the reference, a ranker answers."""
    rows = clean_rows(60)
    write_dataset(tmp_path / "dataset", rows)
    monkeypatch.setitem(task_train.PROFILES, "cpu", TINY_RANKER)
    record = task_train.train(training_job(tmp_path, hyperparameters={"epochs": "1"}))
    assert record.settings["epochs"] == 1
    digest = export(export_job(tmp_path))
    bundle = tmp_path / "export" / "bundle"
    manifest = verify(bundle, digest)
    predictor = load(bundle, manifest)
    assert isinstance(predictor, SentenceRanker)
    assert manifest.metrics == record.metrics
    test = examples(tmp_path / "dataset", "test")
    assert [set(row) for row in test[:1]] == [{"text", "summary", "source", "upload_id"}]
    assert all(answer["summary"] for answer in predictor.predict(test))


def test_bart(tmp_path, monkeypatch):
    """A base model, on whatever profile, is fine-tuned and served as an encoder-decoder through the same entry."""
    rows = [{**pair, "source": ""} for pair in PAIRS]
    write_dataset(tmp_path / "dataset", rows)
    monkeypatch.setattr(task_train, "GPU", replace(TINY_BART, epochs=1))
    base = tiny_bart(tmp_path / "base")
    record = task_train.train(training_job(tmp_path, base_model=str(base)))
    assert record.settings["base_model"] == str(base)
    digest = export(export_job(tmp_path))
    bundle = tmp_path / "export" / "bundle"
    predictor = load(bundle, verify(bundle, digest))
    assert isinstance(predictor, EncoderDecoder)
    assert predictor.predict([{"text": PAIRS[0]["text"]}])[0]["summary"]
