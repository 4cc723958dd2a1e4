"""SageMaker processing job: trained model in, served bundle and reference scores out."""

from __future__ import annotations

import argparse
import os
import tarfile
import tempfile
from pathlib import Path

from infolens.ml.training.failure import reported_failure
from infolens.ml.training.job import ExportJob
from infolens.tasks import part_of

PROCESSING = Path("/opt/ml/processing")


def arguments() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument(
        "--model", type=Path, default=PROCESSING / "input/model", help="holds model.tar.gz, or its files"
    )
    parser.add_argument("--dataset", type=Path, default=PROCESSING / "input/dataset")
    parser.add_argument("--output", type=Path, default=PROCESSING / "output")
    return parser.parse_args()


def main(given: argparse.Namespace) -> None:
    """Export."""
    # Read when torch loads its OpenMP, further down: threads that wait spin otherwise, and on a machine that has other
    # work (a laptop with the embedded cloud) that made training three times as slow.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with tempfile.TemporaryDirectory() as scratch:
        model = given.model
        if (model / "model.tar.gz").is_file():
            with tarfile.open(model / "model.tar.gz") as archive:
                archive.extractall(scratch, filter="data")
            model = Path(scratch)
        digest = part_of(given.task, "export").export(ExportJob(model, given.dataset, given.output))
    print(f"bundle_digest={digest}")  # noqa: T201 - a job's standard output is its log


if __name__ == "__main__":
    options = arguments()
    # /opt/ml/output/message becomes the job's ExitMessage; the output lies at /opt/ml/processing/output.
    with reported_failure(options.output.parents[1] / "output" / "message"):
        main(options)
