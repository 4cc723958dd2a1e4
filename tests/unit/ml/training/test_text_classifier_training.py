"""Training learns, prints its metrics, repeats itself for a seed, and goes on exactly where it was interrupted."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.job import TrainingError
from infolens.ml.training.text_classifier_model import load
from infolens.ml.training.text_classifier_training import train_text_classifier
from ml_fakes import LABELS, ROWS, TINY, tiny_model, training_job

TRAIN = [*ROWS] * 10
VALIDATION = [*ROWS]


def weights(directory) -> dict[str, torch.Tensor]:
    """The trained weights."""
    return load_file(directory / "model.safetensors")


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether every weight is the same number."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_it_learns(tmp_path, capsys):
    """Four separable texts are learned; the record, the files and the printed lines agree."""
    record = train_text_classifier(training_job(tmp_path), replace(TINY, epochs=8), LABELS, TRAIN, VALIDATION)
    assert record.metrics["validation_accuracy"] == 1.0
    model, tokens, stored = load(tmp_path)
    assert stored == record
    ids = torch.from_numpy(tokens.ids("the goalkeeper saved the penalty kick")).unsqueeze(0)
    assert model(ids, torch.ones_like(ids)).argmax().item() == 0
    printed = capsys.readouterr().out
    assert "train_loss=" in printed
    assert "validation_accuracy=1 " in printed
    assert "train_rows=40 validation_rows=4" in printed


def test_a_seed_repeats_itself(tmp_path):
    """The same rows and seed give the same weights; another seed gives others."""
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        train_text_classifier(training_job(tmp_path / name, seed=seed), TINY, LABELS, TRAIN, VALIDATION)
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))


class KilledError(RuntimeError):
    """Stands for the machine that is taken away."""


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, monkeypatch, capsys):
    """Killed after the first of three epochs and started anew, a run ends with the very same weights."""
    profile = replace(TINY, epochs=3)
    train_text_classifier(training_job(tmp_path / "whole"), profile, LABELS, TRAIN, VALIDATION)

    write = Checkpoints.write

    def write_and_die(self, state):
        write(self, state)
        raise KilledError

    job = training_job(tmp_path / "first", checkpoints=tmp_path / "kept")
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "write", write_and_die)
        with pytest.raises(KilledError):
            train_text_classifier(job, profile, LABELS, TRAIN, VALIDATION)
    job = training_job(tmp_path / "second", checkpoints=tmp_path / "kept")
    train_text_classifier(job, profile, LABELS, TRAIN, VALIDATION)
    assert "resumed_after_epoch=1" in capsys.readouterr().out
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "second"))


def test_small_datasets_get_more_epochs(tmp_path, capsys):
    """Five steps an epoch and at least eleven steps make three epochs."""
    profile = replace(TINY, epochs=1, min_steps=11)
    train_text_classifier(training_job(tmp_path), profile, LABELS, TRAIN, VALIDATION)
    assert "epoch=3 epochs=3 step=15" in capsys.readouterr().out


def test_a_base_model_is_fine_tuned(tmp_path):
    """BASE_MODEL takes a directory: its encoder and its tokenizer are used, also of another size than the profile's."""
    base = tiny_model(tmp_path / "base")
    encoder, _, _ = load(base)
    encoder.encoder.save_pretrained(base)
    (base / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    job = training_job(tmp_path / "tuned", base_model=str(base))
    record = train_text_classifier(job, replace(TINY, size=None, vocabulary=0), LABELS, TRAIN, VALIDATION)
    assert record.settings["base_model"] == str(base)
    assert not record.shape.direct
    first, tuned = load_file(base / "model.safetensors"), weights(tmp_path / "tuned")
    assert tuned["encoder.embeddings.word_embeddings.weight"].shape == first["embeddings.word_embeddings.weight"].shape


def test_no_validation_rows(tmp_path):
    """Without validation rows the last weights are kept and there are no metrics."""
    assert train_text_classifier(training_job(tmp_path), TINY, LABELS, TRAIN, []).metrics == {}


def test_no_rows(tmp_path):
    """Nothing to train on is an error, not an empty model."""
    with pytest.raises(TrainingError, match="train split has no rows"):
        train_text_classifier(training_job(tmp_path), TINY, LABELS, [], VALIDATION)


def test_an_unknown_label(tmp_path):
    """A label that the task does not have is named."""
    with pytest.raises(TrainingError, match="'Gardening' is none of Sports, Travel"):
        train_text_classifier(training_job(tmp_path), TINY, LABELS, [{"text": "roses", "label": "Gardening"}], [])


def test_divergence_stops_the_run(tmp_path):
    """A loss that is no number ends the run at once instead of wasting the machine and saving NaN."""
    profile = replace(TINY, lr=1e30, head_lr=1e30, epochs=5)
    with pytest.raises(TrainingError, match="diverged"):
        train_text_classifier(training_job(tmp_path), profile, LABELS, TRAIN, VALIDATION)


def test_pooling_is_learned_and_kept(tmp_path):
    """A run trains with the pooling of its profile, which the trained model has when it is opened again."""
    record = train_text_classifier(training_job(tmp_path), replace(TINY, pooling="first"), LABELS, TRAIN, VALIDATION)
    assert record.shape.pooling == "first"
    model, _, opened = load(tmp_path)
    assert (opened.shape.pooling, model.pooling) == ("first", "first")
    ids, mask = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[1, 1, 1, 0]])
    with torch.no_grad():
        states = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
        words = model.encoder.get_input_embeddings()(ids[:, :3]).mean(dim=1)
        assert torch.allclose(model(ids, mask), model.head(torch.cat([states, words], dim=1)), atol=1e-6)


def test_an_unknown_pooling(tmp_path):
    """A pooling that does not exist is refused before anything is trained."""
    with pytest.raises(TrainingError, match="'last' is none of mean, first"):
        train_text_classifier(training_job(tmp_path), replace(TINY, pooling="last"), LABELS, TRAIN, VALIDATION)
