"""SageMaker processing job: candidate's bundle, champion's bundle and dataset in, report.json out."""

from __future__ import annotations

import argparse
from pathlib import Path

from infolens import codec
from infolens.contracts.evaluation import EvaluationReport
from infolens.ml.bundle import digest_of
from infolens.ml.training.failure import reported_failure
from infolens.ml.training.parts import read_split
from infolens.tasks import schema_of
from infolens.tasks.evaluation import measure

PROCESSING = Path("/opt/ml/processing")


def arguments() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--dataset-id", required=True)
    parser.add_argument("--bundle", type=Path, default=PROCESSING / "input/bundle")
    parser.add_argument("--digest", default="", help="digest the bundle must have; empty takes its manifest's word")
    parser.add_argument(
        "--champion", type=Path, default=None, help="directory of the champion's bundle, if there is one"
    )
    parser.add_argument("--champion-digest", default="")
    parser.add_argument("--dataset", type=Path, default=PROCESSING / "input/dataset")
    parser.add_argument("--output", type=Path, default=PROCESSING / "output")
    return parser.parse_args()


def main(given: argparse.Namespace) -> None:
    """Evaluate both on the very same rows."""
    rows = read_split(given.dataset, "test", tuple(schema_of(given.task).columns))
    digest = given.digest or digest_of(given.bundle)
    metrics, slices = measure(given.task, given.bundle, digest, rows)
    champion_digest, champion_metrics = "", {}
    if given.champion is not None:
        champion_digest = given.champion_digest or digest_of(given.champion)
        champion_metrics, _ = measure(given.task, given.champion, champion_digest, rows)
    report = EvaluationReport(
        task=given.task,
        run_id=given.run_id,
        dataset_id=given.dataset_id,
        bundle_digest=digest,
        rows=len(rows),
        metrics=metrics,
        slices=slices,
        champion_digest=champion_digest,
        champion_metrics=champion_metrics,
    )
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "report.json").write_bytes(codec.to_json(report))
    print(  # noqa: T201 - a job's standard output is its log
        f"rows={len(rows)} " + " ".join(f"{name}={value:.4f}" for name, value in metrics.items())
    )


if __name__ == "__main__":
    options = arguments()
    with reported_failure(options.output.parents[1] / "output" / "message"):
        main(options)
