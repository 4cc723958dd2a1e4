"""SSE-PT learns what follows what, also for users it has never seen, repeats itself, and survives being killed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.job import TrainingError
from infolens.ml.training.sse_pt_data import History
from infolens.ml.training.sse_pt_model import load
from infolens.ml.training.sse_pt_training import train_sse_pt
from sse_pt_fakes import RING, TINY, training_job, walks

TRAIN = walks(40)
VALIDATION = walks(6, first_user=1_000)


def weights(directory) -> dict[str, torch.Tensor]:
    """The trained weights."""
    return load_file(directory / "model.safetensors")


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether every weight is the same number."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_it_learns_what_comes_next_for_new_users(tmp_path, capsys):
    """After some epochs the next item of the ring is the likeliest for a user whom the model does not know."""
    record = train_sse_pt(training_job(tmp_path), replace(TINY, epochs=25), TRAIN, VALIDATION)
    assert record.metrics["validation_ndcg_at_10"] > 0.9
    model, catalogue, stored = load(tmp_path)
    assert stored == record
    number = {item: i for i, item in enumerate(catalogue.items)}
    with torch.no_grad():
        logits = model(torch.tensor([[number[RING[3]], number[RING[4]]]]), torch.tensor([0]))
    assert catalogue.items[int(logits.argmax())] == RING[5]
    printed = capsys.readouterr().out
    assert "train_loss=" in printed
    assert "validation_ndcg_at_10=" in printed
    assert "users=40 items=20" in printed


def test_a_seed_repeats_itself(tmp_path):
    """The same histories and seed give the same weights; another seed gives others."""
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        train_sse_pt(training_job(tmp_path / name, seed=seed), TINY, TRAIN, VALIDATION)
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))


class KilledError(RuntimeError):
    """Stands for the machine that is taken away."""


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, monkeypatch, capsys):
    """Killed after the first of three epochs and started anew, a run ends with the very same weights."""
    train_sse_pt(training_job(tmp_path / "whole"), TINY, TRAIN, VALIDATION)

    write = Checkpoints.write

    def write_and_die(self, state):
        write(self, state)
        raise KilledError

    job = training_job(tmp_path / "again", checkpoints=tmp_path / "checkpoints")
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "write", write_and_die)
        with pytest.raises(KilledError):
            train_sse_pt(job, TINY, TRAIN, VALIDATION)
    capsys.readouterr()
    train_sse_pt(job, TINY, TRAIN, VALIDATION)
    assert "resumed_after_epoch=1" in capsys.readouterr().out
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "again"))


def test_it_stops_when_nothing_gets_better(tmp_path, capsys):
    """Weights that cannot move never validate better: training ends after `patience` epochs and keeps the first."""
    frozen = replace(TINY, epochs=50, patience=2, lr=0.0)
    train_sse_pt(training_job(tmp_path), frozen, TRAIN, VALIDATION)
    assert " epochs=50" in (printed := capsys.readouterr().out)
    assert "epoch=3 " in printed
    assert "epoch=4 " not in printed


def test_small_data_gets_more_epochs(tmp_path, capsys):
    """`min_steps` holds where the epochs asked for would make fewer."""
    train_sse_pt(training_job(tmp_path), replace(TINY, epochs=1, min_steps=10), TRAIN, [])
    assert "epochs=2" in capsys.readouterr().out


def test_without_validation_users_the_last_weights_are_kept(tmp_path):
    """A dataset of a few users still gives a model, without metrics: a missing one is not zero."""
    record = train_sse_pt(training_job(tmp_path), TINY, TRAIN, [])
    assert record.metrics == {}


@pytest.mark.parametrize("train", [[], [History(1, [5], [0])]])
def test_nothing_to_learn_from_is_a_reason(tmp_path, train):
    """No user, or none with two items: the message says so."""
    with pytest.raises(TrainingError, match="two items"):
        train_sse_pt(training_job(tmp_path), TINY, train, [])


def test_training_that_diverges_fails(tmp_path):
    """A loss that is no number ends the job instead of leaving weights that are none."""
    with pytest.raises(TrainingError, match="diverged"):
        train_sse_pt(training_job(tmp_path), replace(TINY, lr=1e30, warmup=0.0), TRAIN, [])


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"heads": 5}, "heads"),
        ({"dropout": 1.0}, "dropout"),
        ({"replaced_items": -0.1}, "replaced_items"),
        ({"replaced_users": 0.6, "unknown_users": 0.5}, "unknown_users"),
    ],
)
def test_settings_that_make_no_model_are_refused(tmp_path, setting, named):
    """A tuning job may come to any combination; the reason names what is wrong with it."""
    with pytest.raises(TrainingError, match=named):
        train_sse_pt(training_job(tmp_path), replace(TINY, **setting), TRAIN, [])
