"""A sentence ranker learns, repeats itself for a seed, stops early, and goes on where it was interrupted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from infolens.ml.training import sentence_ranker_training
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.job import TrainingError
from infolens.ml.training.sentence_ranker_model import RankerModel, RankerShape, load
from infolens.ml.training.sentence_ranker_training import train_sentence_ranker
from infolens.tasks.news_summary.metrics import evaluate, lead
from summary_fakes import TINY_RANKER, clean_rows, training_job

ROWS = clean_rows(120)
TRAIN, VALIDATION = ROWS[:96], ROWS[96:]


def weights_of(directory) -> dict[str, torch.Tensor]:
    """What training left."""
    return load_file(directory / "model" / "model.safetensors")


def same(first, second) -> bool:
    """Whether two sets of weights are equal in every number."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_it_learns(tmp_path, capsys):
    """After some epochs the loss has fallen, and the chosen sentences say more of the summary than the first three."""
    profile = replace(TINY_RANKER, epochs=12, patience=12, members=1, lr=1e-2)
    record = train_sentence_ranker(training_job(tmp_path), profile, TRAIN, VALIDATION)
    losses = [
        float(line.split("validation_loss=")[1].split()[0])
        for line in capsys.readouterr().out.splitlines()
        if "validation_loss=" in line
    ]
    assert losses[-1] < 0.7 * losses[0]
    lead3, _ = evaluate(VALIDATION, [{"summary": lead(str(row["text"]))} for row in VALIDATION])
    assert record.metrics["validation_rouge_l"] > lead3["rouge_l"] + 0.05
    assert record.provenance.run_id == "run-1"
    assert set(record.metrics) == {
        "validation_rouge1",
        "validation_rouge2",
        "validation_rouge_l",
        "validation_weighted_rouge",
    }


def test_a_seed_repeats_itself(tmp_path):
    """The same rows and seed give the very same weights; another seed gives others."""
    for name, seed in (("first", 1), ("second", 1), ("third", 2)):
        train_sentence_ranker(training_job(tmp_path / name, seed=seed), TINY_RANKER, TRAIN, VALIDATION)
    assert same(weights_of(tmp_path / "first"), weights_of(tmp_path / "second"))
    assert not same(weights_of(tmp_path / "first"), weights_of(tmp_path / "third"))


@pytest.mark.parametrize("written", [1, 2, 3])
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, monkeypatch, capsys, written):
    """Killed in the middle of a member, or between two, and started again, it ends with the undisturbed weights."""
    train_sentence_ranker(training_job(tmp_path / "whole"), TINY_RANKER, TRAIN, VALIDATION)

    class Killed(Checkpoints):
        """Ends the process, as far as this test is concerned, behind a number of checkpoints."""

        count = 0

        def write(self, state):
            """Write, and die."""
            super().write(state)
            Killed.count += 1
            if Killed.count == written:
                raise KeyboardInterrupt

    job = training_job(tmp_path / "broken", checkpoints=tmp_path / "checkpoints")
    with monkeypatch.context() as patched:
        patched.setattr(sentence_ranker_training, "Checkpoints", Killed)
        with pytest.raises(KeyboardInterrupt):
            train_sentence_ranker(job, TINY_RANKER, TRAIN, VALIDATION)
    capsys.readouterr()
    train_sentence_ranker(job, TINY_RANKER, TRAIN, VALIDATION)
    assert "resumed_after_member" in capsys.readouterr().out
    assert same(weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken"))


def test_another_run_s_checkpoint_is_passed_over(tmp_path, capsys):
    """A checkpoint of other settings is not gone on with."""
    job = training_job(tmp_path, checkpoints=tmp_path / "checkpoints")
    train_sentence_ranker(job, TINY_RANKER, TRAIN, VALIDATION)
    capsys.readouterr()
    train_sentence_ranker(job, replace(TINY_RANKER, lr=1e-4), TRAIN, VALIDATION)
    assert "resumed" not in capsys.readouterr().out


def test_early_stop(tmp_path, capsys):
    """A member whose validation loss does not fall stops after the patience; the best weights are kept."""
    profile = replace(TINY_RANKER, members=1, epochs=40, patience=1, lr=5e-2)
    train_sentence_ranker(training_job(tmp_path), profile, TRAIN[:20], VALIDATION)
    epochs = capsys.readouterr().out.count("validation_loss=")
    assert 1 < epochs < 40


def test_no_validation_rows(tmp_path):
    """Without validation rows the last weights are kept, and nothing is said about their quality."""
    assert train_sentence_ranker(training_job(tmp_path), TINY_RANKER, TRAIN, []).metrics == {}


def test_no_rows(tmp_path):
    """Nothing to train on is an error with its reason."""
    with pytest.raises(TrainingError, match="the train split has no rows"):
        train_sentence_ranker(training_job(tmp_path), TINY_RANKER, [], VALIDATION)


def test_no_model_there(tmp_path):
    """An empty directory, or one with another kind of model, is no trained ranker."""
    with pytest.raises(TrainingError, match=r"no training\.json"):
        load(tmp_path)
    (tmp_path / "training.json").write_text('{"kind": "encoder_decoder"}')
    with pytest.raises(TrainingError, match="holds encoder_decoder, and no sentence_ranker"):
        load(tmp_path)


def test_small_uploads_count_more(tmp_path):
    """With power 0.5 an article of an upload a quarter as large counts twice as much; the mean stays near one."""
    job = training_job(tmp_path)
    train_sentence_ranker(job, TINY_RANKER, TRAIN, VALIDATION)
    _, tokens, _ = load(job.output)
    rows = [row | {"upload_id": "large" if at < 16 else "small"} for at, row in enumerate(TRAIN[:20])]
    items = sentence_ranker_training._items(rows, tokens, 0.5)
    assert items[-1].weight == pytest.approx(2 * items[0].weight)
    assert {item.weight for item in sentence_ranker_training._items(rows, tokens, 0.0)} == {1.0}
    assert 0.7 < np.mean([item.weight for item in items]) < 1.1


def test_padding_changes_nothing():
    """An article has the same logits and length beside a longer one as alone."""
    torch.manual_seed(1)
    model = RankerModel(RankerShape(50, 8, 16, 1), dropout=0.0).eval()
    features, pieces = torch.randn(1, 3, 34), torch.randint(1, 50, (1, 3, 5))
    wide = torch.zeros(1, 6, 34), torch.zeros(1, 6, 9, dtype=torch.int64)
    wide[0][:, :3], wide[1][:, :3, :5] = features, pieces
    mask = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]])
    alone = model.members[0](features, pieces, torch.ones(1, 3))
    beside = model.members[0](*wide, mask)
    assert torch.allclose(alone[0], beside[0][:, :3], atol=1e-5)
    assert torch.allclose(alone[1], beside[1], atol=1e-5)
