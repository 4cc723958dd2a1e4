"""Training learns, repeats itself for a seed, goes on where it was killed, stops early, and chooses the threshold."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel, BertTokenizerFast

from comment_fakes import BENIGN, FRAMES, LABELS, PLAIN, PROVENANCE, ROWS, TINY, TOXIC
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.comment_model import WindowModel, WindowSize, load
from infolens.ml.training.comment_training import _chosen_threshold, train_comment_classifier
from infolens.ml.training.job import TrainingError
from ml_fakes import training_job

TRAIN = [*ROWS] * 8
VALIDATION = [*ROWS]


def trained(directory, profile=TINY, rows=TRAIN, validation=VALIDATION, **changes):
    """Train into `directory` -> record."""
    job = training_job(directory, **{"provenance": PROVENANCE, **changes})
    return train_comment_classifier(job, profile, LABELS, FRAMES, rows, validation)


def weights(directory) -> dict[str, torch.Tensor]:
    """The trained weights."""
    return load_file(directory / "model.safetensors")


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether every weight is the same number."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_it_learns(tmp_path, capsys):
    """Separable comments are learned; record, files and printed lines agree."""
    record = trained(tmp_path, replace(PLAIN, epochs=6))
    assert record.metrics["validation_roc_auc"] == 1.0
    assert record.metrics["validation_f1"] == 1.0
    assert load(tmp_path)[1] == record
    printed = capsys.readouterr().out
    assert "train_loss=" in printed
    assert "validation_roc_auc=1 " in printed
    assert "train_rows=64 validation_rows=8" in printed


def test_a_seed_repeats_itself(tmp_path):
    """The same rows and seed give the same weights; another seed gives others."""
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        trained(tmp_path / name, seed=seed)
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))


class KilledError(RuntimeError):
    """Stands for the machine that is taken away."""


def killed_and_resumed(directory, monkeypatch, **given):
    """Train, be killed after the first epoch, and train anew with what is left -> record."""
    write = Checkpoints.write

    def write_and_die(self, state):
        write(self, state)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "write", write_and_die)
        with pytest.raises(KilledError):
            trained(directory / "first", checkpoints=directory / "kept", **given)
    return trained(directory / "second", checkpoints=directory / "kept", **given)


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, monkeypatch, capsys):
    """Killed after the first of three epochs and started anew, a run ends with the very same weights and record."""
    # Without validation the last weights are kept: those of the best epoch could all be of before the kill.
    whole = trained(tmp_path / "whole", validation=[])
    second = killed_and_resumed(tmp_path, monkeypatch, validation=[])
    assert "resumed_after_epoch=1" in capsys.readouterr().out
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "second"))
    assert second == whole


UPSIDE_DOWN = [{**row, "label": LABELS[1 - LABELS.index(row["label"])]} for row in VALIDATION]


def test_early_stop(tmp_path, capsys):
    """Validation that cannot get better ends training once patience is over; without patience it goes on."""
    trained(tmp_path / "a", replace(PLAIN, epochs=9, patience=2), validation=UPSIDE_DOWN)
    assert "stopped_early_after_epoch=3" in capsys.readouterr().out
    trained(tmp_path / "b", replace(PLAIN, epochs=9), validation=UPSIDE_DOWN)
    assert "epoch=9 epochs=9" in capsys.readouterr().out


def test_patience_outlives_a_kill(tmp_path, monkeypatch, capsys):
    """A resumed run stops after the very epoch after which it would have stopped."""
    killed_and_resumed(tmp_path, monkeypatch, profile=replace(PLAIN, epochs=9, patience=2), validation=UPSIDE_DOWN)
    assert "stopped_early_after_epoch=3" in capsys.readouterr().out


def test_small_datasets_get_more_epochs(tmp_path, capsys):
    """Eight steps an epoch and at least seventeen steps make three epochs."""
    trained(tmp_path, replace(PLAIN, epochs=1, min_steps=17))
    printed = capsys.readouterr().out
    assert "epochs=3" in printed
    assert "epochs=4" not in printed


def test_without_validation(tmp_path):
    """A dataset too small for a validation split is trained on; the threshold is a half."""
    record = trained(tmp_path, PLAIN, validation=[])
    assert record.threshold == 0.5
    assert record.metrics == {}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "train split has no rows"),
        ([{"text": "hello", "label": "rude"}], "label 'rude' is none of non-toxic, toxic"),
        ([row for row in TRAIN if row["label"] == "toxic"], "one of the two labels only"),
    ],
)
def test_rows_that_cannot_be_learned_from(tmp_path, rows, reason):
    """No rows, unknown labels and a single label are refused in words."""
    with pytest.raises(TrainingError, match=reason):
        trained(tmp_path, rows=rows)


def test_a_profile_of_nothing(tmp_path):
    """A profile without a base model or sizes is refused."""
    with pytest.raises(TrainingError, match="neither a base model"):
        trained(tmp_path, replace(TINY, words=None))


def test_the_threshold_stays_in_reach():
    """However sure the model is, some float32 score can pass the threshold, and some cannot."""
    positive = np.array([False, False, True, True])
    for logits in (np.array([-90.0, -80.0, 80.0, 90.0]), np.array([-99.0, -98.0, -70.0, -60.0])):
        threshold, metrics = _chosen_threshold(positive, logits, {"validation_roc_auc": 1.0})
        assert 0.01 <= threshold <= 0.99
        assert metrics["validation_accuracy"] == 1.0


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny pretrained BERT with its tokenizer, as the hub would give it."""
    folder = tmp_path_factory.mktemp("bert")
    words = sorted({word for text in (*BENIGN, *TOXIC) for word in text.lower().replace(".", "").split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words) + 5, max_position_embeddings=16, **size)).save_pretrained(folder)
    return str(folder)


def test_a_pretrained_encoder(tmp_path, checkpoint):
    """The gpu path fine-tunes a BERT checkpoint over windows, and learns from one toxic window in a long comment."""
    long_rows = [
        {
            "text": f"{BENIGN[i % 4]} {BENIGN[(i + 1) % 4]} {TOXIC[i % 4] if i % 2 else BENIGN[2]}",
            "label": LABELS[i % 2],
        }
        for i in range(48)
    ]
    profile = replace(TINY, windows=WindowSize(tokens=10, overlap=3), epochs=8, lr=3e-3, dropout=0.0)
    record = trained(tmp_path, profile, long_rows, long_rows[:16], base_model=checkpoint)
    assert record.metrics["validation_roc_auc"] > 0.9
    assert record.settings["base_model"] == checkpoint
    model, again = load(tmp_path)
    assert isinstance(model, WindowModel)
    assert again.size == WindowSize(tokens=10, overlap=3)


def test_a_base_model_that_is_not_there(tmp_path):
    """A path without a model is refused with the path."""
    with pytest.raises((TrainingError, OSError), match="nowhere"):
        trained(tmp_path, base_model=str(tmp_path / "nowhere"))
