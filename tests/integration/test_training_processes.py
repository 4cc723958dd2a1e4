"""The jobs run as SageMaker starts them: from an unpacked sourcedir, as processes, with the deployed profile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from infolens import code, codec
from infolens.contracts.evaluation import EvaluationReport
from infolens.ml.bundle import digest_of, verify
from infolens.ml.parity import compare
from infolens.tasks.news_category.gates import PARITY
from infolens.tasks.news_category.predict import load
from ml_fakes import sample_dataset, write_part

if TYPE_CHECKING:
    from pathlib import Path

RUN = ("--task", "news_category", "--run-id", "run-1", "--dataset-id", "d-1")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder like /opt/ml with the code and a dataset of 1,500 sample rows."""
    root = tmp_path_factory.mktemp("ml")
    with tarfile.open(fileobj=BytesIO(code.archive(code.sources(*code.places())))) as archive:
        archive.extractall(root / "code", filter="data")
    write_part(root / "input/data/dataset", sample_dataset(1_500))
    return root


def run(root: Path, job: str, *arguments: str | Path) -> str:
    """Run a job to its end and return what it printed; the unpacked package comes before the installed one."""
    env = {
        "PATH": os.environ["PATH"],
        "SM_MODEL_DIR": str(root / "model"),
        "SM_CHANNEL_DATASET": str(root / "input/data/dataset"),
        "SM_OUTPUT_DIR": str(root / "output"),
    }
    command = [sys.executable, f"{job}.py", *map(str, arguments)]
    done = subprocess.run(command, cwd=root / "code", env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_rows_to_report(root):
    """The cpu profile passes the floor on sample rows, its bundle agrees with it, and the champion's place works."""
    output = root / "processing/output"
    printed = run(root, "train", *RUN, "--profile", "cpu", "--code-version", "c-1")
    assert "device=" in printed
    dataset = ("--dataset", root / "input/data/dataset")
    run(root, "export", "--task", "news_category", "--model", root / "model", *dataset, "--output", output)
    bundle = output / "bundle"
    run(
        root,
        "evaluate",
        *RUN,
        "--bundle",
        bundle,
        "--exact",
        output / "exact",
        "--champion",
        bundle,
        *dataset,
        "--output",
        root / "processing/report",
    )
    report = codec.from_json(EvaluationReport, (root / "processing/report/report.json").read_bytes())
    assert report.metrics["accuracy"] > 0.80
    assert report.champion_metrics == report.metrics

    reference = json.loads((output / "reference.json").read_text())
    manifest = verify(bundle, digest_of(bundle))
    parity = compare(load(bundle, manifest).scores(reference["inputs"]), reference["scores"], report.bundle_digest)
    assert parity.rows >= PARITY.min_rows
    assert parity.mean_difference < PARITY.max_mean_difference / 4
    assert parity.label_flips <= PARITY.max_label_flips / 2
