"""BART is fine-tuned by LoRA alone, learns, stops early, and goes on where its process was killed."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from infolens.ml.training import seq2seq_training
from infolens.ml.training.devices import Device
from infolens.ml.training.job import TrainingError
from infolens.ml.training.seq2seq_model import load, merged, pretrained, with_lora
from infolens.ml.training.seq2seq_training import train_seq2seq
from summary_fakes import PAIRS, TINY_BART, tiny_bart, training_job

TRAIN, VALIDATION = PAIRS[:32], PAIRS[32:]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny BART as a hub has it."""
    return tiny_bart(tmp_path_factory.mktemp("hub") / "bart")


def weights_of(directory) -> dict[str, torch.Tensor]:
    """What training left."""
    return load_file(directory / "model" / "model.safetensors")


def same(first, second) -> bool:
    """Whether two sets of weights are equal in every number."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def losses_of(log: str, name: str) -> list[float]:
    """Numbers of one metric in a log, in order."""
    return [float(line.split(f"{name}=")[1].split()[0]) for line in log.splitlines() if f"{name}=" in line]


def test_it_learns(tmp_path, base, capsys):
    """The loss falls, ROUGE is logged after each epoch, and what was trained is a plain BART that loads strictly."""
    record = train_seq2seq(
        training_job(tmp_path, base_model=str(base)), replace(TINY_BART, epochs=6), TRAIN, VALIDATION
    )
    log = capsys.readouterr().out
    found = losses_of(log, "validation_loss")
    assert len(found) == 6
    assert found[-1] < 0.75 * found[0]
    assert len(losses_of(log, "validation_rouge_l")) == 6
    assert set(record.metrics) == {
        "validation_loss",
        "validation_rouge1",
        "validation_rouge2",
        "validation_rouge_l",
    }
    model, again = load(tmp_path / "model")
    assert (again.provenance, again.max_input, again.rules, again.metrics) == (
        record.provenance,
        record.max_input,
        record.rules,
        record.metrics,
    )
    assert not [name for name, _ in model.named_parameters() if "lora" in name]


def test_loss_is_transformers_own(tmp_path, base, monkeypatch):
    """Without smoothing the loss of one pair is the loss that transformers gives with `labels`."""
    seen = []
    validate = seq2seq_training._Loop._validate

    def compare(loop):
        pair = loop.data.validation[0]
        with torch.no_grad():
            given, labels = torch.from_numpy(pair.article)[None], torch.from_numpy(pair.summary)[None]
            loop.model.eval()
            seen.append((float(loop._loss([pair], 0.0)), float(loop.model(input_ids=given, labels=labels).loss)))
        return validate(loop)

    monkeypatch.setattr(seq2seq_training._Loop, "_validate", compare)
    train_seq2seq(training_job(tmp_path, base_model=str(base)), replace(TINY_BART, epochs=1), TRAIN[:8], VALIDATION[:4])
    assert seen[0][0] == pytest.approx(seen[0][1], rel=1e-5)


def test_only_the_low_rank_matrices_learn(tmp_path, base):
    """LoRA's modules are changed by training, embeddings, norms and biases are not; rank 8 is what is added (S0-29)."""
    train_seq2seq(training_job(tmp_path, base_model=str(base)), TINY_BART, TRAIN, VALIDATION)
    before, after = load_file(base / "model.safetensors"), weights_of(tmp_path)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.split(".")[-2] in TINY_BART.lora.modules and name.endswith("weight") for name in changed)
    added = after["model.encoder.layers.0.fc1.weight"] - before["model.encoder.layers.0.fc1.weight"]
    assert int(torch.linalg.matrix_rank(added, atol=1e-5)) <= TINY_BART.lora.rank


def test_merging_changes_no_answer(base):
    """The merged model gives the logits that the model with its matrices apart gave."""
    torch.manual_seed(1)
    model = with_lora(pretrained(str(base), 96), TINY_BART.lora)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    model.eval()
    given = {"input_ids": torch.arange(5, 25)[None], "decoder_input_ids": torch.arange(2, 9)[None]}
    with torch.no_grad():
        apart = model(**given).logits
        together = merged(model)(**given).logits
    assert torch.allclose(apart, together, atol=1e-4)


def test_early_stop(tmp_path, base, capsys):
    """Without a better validation loss for as many epochs as the patience, training stops and keeps the best."""
    profile = replace(TINY_BART, epochs=30, patience=1, lr=0.5)
    record = train_seq2seq(training_job(tmp_path, base_model=str(base)), profile, TRAIN, VALIDATION)
    log = capsys.readouterr().out
    assert "stopped_early_after_epoch=" in log
    assert record.metrics["validation_loss"] == pytest.approx(min(losses_of(log, "validation_loss")), rel=1e-4)


def test_half_precision(tmp_path, base, monkeypatch, capsys):
    """With 16 bits the loop runs, says so, and ends near the loss of 32 bits; the saved weights have 32."""
    monkeypatch.setattr(seq2seq_training, "best_device", lambda **_: Device("cpu", torch.bfloat16))
    half = train_seq2seq(training_job(tmp_path / "half", base_model=str(base)), TINY_BART, TRAIN, VALIDATION)
    assert "torch.bfloat16" in capsys.readouterr().out
    monkeypatch.undo()
    full = train_seq2seq(training_job(tmp_path / "full", base_model=str(base)), TINY_BART, TRAIN, VALIDATION)
    assert half.metrics["validation_loss"] == pytest.approx(full.metrics["validation_loss"], rel=0.1)
    assert {value.dtype for value in weights_of(tmp_path / "half").values()} == {torch.float32}


SCRIPT = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
sys.path[:0] = [{tests!r}]
from infolens.ml.training import seq2seq_training
from summary_fakes import PAIRS, TINY_BART, training_job
place, dies_at = Path(sys.argv[1]), int(sys.argv[2])
learn, batches = seq2seq_training._Loop._learn, []
def dying(self, batch, group):
    batches.append(batch)
    if len(batches) == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, batch, group)
seq2seq_training._Loop._learn = dying
job = training_job(place, base_model={base!r}, checkpoints=place / "checkpoints")
seq2seq_training.train_seq2seq(job, replace(TINY_BART, epochs=3), PAIRS[:32], PAIRS[32:])
"""


def test_killed_and_started_again(tmp_path, base, capsys):
    """A process that SIGKILL ends in its second epoch, started again, leaves the undisturbed run's weights."""
    script = SCRIPT.format(tests=str(Path(__file__).parents[3]), base=str(base))

    def run(dies_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, str(tmp_path / "broken"), str(dies_at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    killed = run(dies_at=12)  # eight batches make an epoch
    assert killed.returncode == -signal.SIGKILL
    assert "epoch=1 " in killed.stdout
    assert not (tmp_path / "broken" / "model" / "model.safetensors").exists()
    again = run(dies_at=0)
    assert again.returncode == 0, again.stderr
    assert "resumed_after_epoch=1" in again.stdout
    train_seq2seq(
        training_job(tmp_path / "whole", base_model=str(base), checkpoints=tmp_path / "whole" / "checkpoints"),
        replace(TINY_BART, epochs=3),
        TRAIN,
        VALIDATION,
    )
    assert "resumed" not in capsys.readouterr().out
    assert same(weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken"))


def test_accumulation(tmp_path, base):
    """Two batches of four whose gradients are added make the step that one batch of eight makes, up to its mean."""
    one = train_seq2seq(
        training_job(tmp_path / "one", base_model=str(base)),
        replace(TINY_BART, batch_size=8, accumulate=1),
        TRAIN,
        VALIDATION,
    )
    two = train_seq2seq(training_job(tmp_path / "two", base_model=str(base)), TINY_BART, TRAIN, VALIDATION)
    assert one.metrics["validation_loss"] == pytest.approx(two.metrics["validation_loss"], rel=0.1)


def test_no_rows(tmp_path, base):
    """Nothing to train on is an error with its reason."""
    with pytest.raises(TrainingError, match="the train split has no rows"):
        train_seq2seq(training_job(tmp_path, base_model=str(base)), TINY_BART, [], VALIDATION)


def test_no_base_model(tmp_path):
    """A base model that is not there is named; so is none at all."""
    with pytest.raises(TrainingError, match=r"no config\.json in /nowhere/bart"):
        train_seq2seq(training_job(tmp_path, base_model="/nowhere/bart"), TINY_BART, TRAIN, VALIDATION)
    with pytest.raises(TrainingError, match="needs a pretrained one"):
        train_seq2seq(training_job(tmp_path), replace(TINY_BART, base_model=""), TRAIN, VALIDATION)


@pytest.mark.parametrize(("positions", "fits"), [(128, True), (129, False)])
def test_positions(base, positions, fits):
    """A model takes as many tokens as it has positions; a profile that asks for more is refused."""
    if fits:
        pretrained(str(base), positions)
    else:
        with pytest.raises(TrainingError, match="has 128 positions, the profile asks for 129"):
            pretrained(str(base), positions)


def test_divergence_stops_the_run(tmp_path, base, monkeypatch):
    """A loss that is no number stops training at once, with the step."""
    monkeypatch.setattr(
        torch.nn.functional, "cross_entropy", lambda *_, **__: torch.tensor(float("nan")).requires_grad_()
    )
    with pytest.raises(TrainingError, match="training diverged: loss is nan at step 1"):
        train_seq2seq(training_job(tmp_path, base_model=str(base)), TINY_BART, TRAIN, VALIDATION)
