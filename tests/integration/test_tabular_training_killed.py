"""A training process that is killed outright resumes from its checkpoint and reaches the same weights."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCRIPT = textwrap.dedent("""
    import sys
    from pathlib import Path
    from infolens.ml.training.job import Provenance, TrainingJob
    from infolens.ml.training.tabular_model import TabularShape
    from infolens.ml.training.tabular_training import Profile, Table, train_tabular

    def table(count):
        numbers = range(count)
        features = [[0.0, 0.0, float(n % 2), float(n % 5)] for n in numbers]
        events = [float((n * 7) % 2 + 3 * (n % 2)) for n in numbers]
        return Table(features, events, [2 if e == 0 else 1 if e < 3 else 0 for e in events])

    output, checkpoints = map(Path, sys.argv[1:])
    output.mkdir(exist_ok=True)
    job = TrainingJob(Provenance("any", "run", "data", "code"), output, output, checkpoints, "cpu", "", 1)
    profile = Profile(hidden=8, epochs=60, patience=60, batch_size=16, lr=1e-2, weight_decay=0.01, dropout=0.2,
                      class_share=0.5, log_every=5)
    shape = TabularShape(("many", "some", "none"), 2, 8, ((2, 1, 1, 0),), 0)
    train_tabular(job, profile, shape, table(400), table(50))
""")


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    """Begin a run, or go on with it."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "layers/platform"), "OMP_NUM_THREADS": "1"}
    arguments = [str(folder / name), str(folder / f"{name}-checkpoints")]
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, text=True, env=env)


@pytest.mark.timeout(180)
def test_killed_process(tmp_path):
    """Killed after some epochs, it goes on where it was; weights and metrics are those of a run nobody disturbed."""
    victim = start(tmp_path, "cut")
    assert victim.stdout is not None
    limit = time.monotonic() + 120
    for line in victim.stdout:
        assert time.monotonic() < limit
        if line.startswith("epoch=5 "):
            break
    victim.kill()
    victim.communicate()
    assert victim.returncode != 0
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    resumed, whole = start(tmp_path, "cut").communicate()[0], start(tmp_path, "whole").communicate()[0]
    assert "resumed_after_epoch=" in resumed
    assert "resumed_after_epoch=" not in whole
    for name in ("model.safetensors", "training.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
