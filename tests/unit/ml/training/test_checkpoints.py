"""The state of an interrupted run is found by the same run, and by no other."""

import torch

from infolens.ml.training.checkpoints import Checkpoints


def test_round_trip(tmp_path):
    """What was written last is read."""
    checkpoints = Checkpoints(tmp_path / "kept", "run-1")
    assert checkpoints.read("cpu") is None
    checkpoints.write({"step": 1, "weights": torch.ones(2)})
    checkpoints.write({"step": 2, "weights": torch.zeros(2)})
    state = checkpoints.read("cpu")
    assert state is not None
    assert state["step"] == 2
    assert state["weights"].tolist() == [0.0, 0.0]


def test_another_runs_state_is_passed_over(tmp_path):
    """A state of other data, settings or seed would silently mix two models."""
    Checkpoints(tmp_path, "run-1").write({"step": 1})
    assert Checkpoints(tmp_path, "run-2").read("cpu") is None


def test_runs_share_a_folder(tmp_path):
    """The trainings of a tuning job write to one place, and each finds its own state."""
    runs = [Checkpoints(tmp_path, f"lr={rate}") for rate in (1, 2)]
    for number, run in enumerate(runs):
        run.write({"step": number})
    assert [run.read("cpu")["step"] for run in runs] == [0, 1]


def test_an_unfinished_write_leaves_the_old_state(tmp_path):
    """A job killed while writing loses one epoch, not the run."""
    checkpoints = Checkpoints(tmp_path, "run-1")
    checkpoints.write({"step": 1})
    (state_file,) = tmp_path.iterdir()
    state_file.with_suffix(".unfinished").write_bytes(b"half a file")
    state = checkpoints.read("cpu")
    assert state is not None
    assert state["step"] == 1


def test_without_a_folder(tmp_path):
    """A job without checkpoints writes nothing and finds nothing."""
    checkpoints = Checkpoints(None, "run-1")
    checkpoints.write({"step": 1})
    assert checkpoints.read("cpu") is None
    assert list(tmp_path.iterdir()) == []
