"""Training keeps the best weights, stops early, and an interrupted run ends where an undisturbed one does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from safetensors.torch import load_file

from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.job import Provenance, TrainingError, TrainingJob
from infolens.ml.training.tabular_model import TabularShape
from infolens.ml.training.tabular_training import Profile, Table, train_tabular

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = TabularShape(labels=("many", "some", "none"), columns=2, hidden=4, classes=((2, 1, 1, 0),), beyond=0)
PROFILE = Profile(
    hidden=4, epochs=6, patience=6, batch_size=16, lr=1e-2, weight_decay=0.01, dropout=0.2, class_share=0.5, log_every=2
)


def table(count: int, shift: int = 0) -> Table:
    """Rows whose first feature doubles the number of events."""
    features, events, labels = [], [], []
    for number in range(shift, shift + count):
        busy = number % 2
        events.append(float((number * 7) % 2 + 3 * busy))
        features.append([0.0, 0.0, float(busy), float(number % 5)])
        labels.append(2 if events[-1] == 0 else 1 if events[-1] < 3 else 0)
    return Table(features, events, labels)


def job(output: Path, checkpoints: Path | None = None, seed: int = 1) -> TrainingJob:
    """A run of nothing but this."""
    output.mkdir(parents=True, exist_ok=True)
    return TrainingJob(Provenance("any", "run", "data", "code"), output, output, checkpoints, "cpu", "", seed)


def weights(directory: Path) -> bytes:
    """The trained weights as they were written."""
    return (directory / "model.safetensors").read_bytes()


def test_learns(tmp_path, capsys):
    """Training halves the loss that the expected number alone has, and says loss, rate and validation as it goes."""
    profile = replace(PROFILE, epochs=40, patience=40)
    record = train_tabular(job(tmp_path), profile, SHAPE, table(200), table(40, 200))
    log = capsys.readouterr().out
    first = float(log.split("validation_loss=")[1].split()[0])
    assert record.metrics["validation_loss"] < 0.75 * first
    assert record.settings["hidden"] == 4
    assert all(name in log for name in ("train_loss=", "lr=0.01", "validation_macro_f1=", "parameters="))


class KilledError(Exception):
    """Stands for the end of the machine."""


def test_resumed_run_ends_with_the_same_weights(tmp_path, capsys, monkeypatch):
    """A run of three epochs, gone on with later to six, leaves the very bytes of an undisturbed run."""
    undisturbed = train_tabular(job(tmp_path / "whole"), PROFILE, SHAPE, table(80), table(20, 80))
    cut, write = job(tmp_path / "cut", tmp_path / "checkpoints"), Checkpoints.write

    def killed_after_three(self, state):
        write(self, state)
        if state["epochs_done"] == 3:
            raise KilledError

    with monkeypatch.context() as for_once:
        for_once.setattr(Checkpoints, "write", killed_after_three)
        with pytest.raises(KilledError):
            train_tabular(cut, PROFILE, SHAPE, table(80), table(20, 80))
    resumed = train_tabular(cut, PROFILE, SHAPE, table(80), table(20, 80))
    assert "resumed_after_epoch=3" in capsys.readouterr().out
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    assert resumed.metrics == undisturbed.metrics


def test_early_stop(tmp_path, capsys):
    """Without progress for `patience` epochs training ends, and the best weights are kept."""
    stuck = replace(PROFILE, lr=0.0, epochs=50, patience=3)
    train_tabular(job(tmp_path), stuck, SHAPE, table(40), table(20, 40))
    assert "stopped_early_after_epoch=4 best_epoch=1" in capsys.readouterr().out


def test_another_run_passes_over_a_checkpoint(tmp_path, capsys):
    """A checkpoint of another seed is none of this run's."""
    for seed in (1, 2):
        train_tabular(
            job(tmp_path / str(seed), tmp_path / "checkpoints", seed), PROFILE, SHAPE, table(40), table(9, 40)
        )
    assert "resumed" not in capsys.readouterr().out
    assert weights(tmp_path / "1") != weights(tmp_path / "2")


def test_without_validation_rows(tmp_path):
    """A dataset too short for a validation part is validated on its training rows."""
    record = train_tabular(job(tmp_path), PROFILE, SHAPE, table(40), Table([], [], []))
    assert 0.0 < record.metrics["validation_loss"] < 2.0
    assert load_file(tmp_path / "model.safetensors")


def test_nothing_to_learn_from(tmp_path):
    """No training rows are an error in words."""
    with pytest.raises(TrainingError, match="no examples"):
        train_tabular(job(tmp_path), PROFILE, SHAPE, Table([], [], []), table(9))


def test_divergence(tmp_path):
    """A loss that is no number ends the run with its step."""
    bad = table(40)
    spoiled = Table([[0.0, float("nan"), 0.0, 0.0] for _ in bad.events], bad.events, bad.labels)
    with pytest.raises(TrainingError, match="training diverged"):
        train_tabular(job(tmp_path), PROFILE, SHAPE, spoiled, table(9))
