"""SageMaker processing job: candidate's bundle, champion's bundle and dataset in, report.json out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolens import codec
from infolens.contracts.evaluation import QUANTISATION_LOSS, EvaluationReport, Quantisation
from infolens.ml.bundle import digest_of
from infolens.ml.training.failure import reported_failure
from infolens.ml.training.quantisation import read_exact
from infolens.tasks import part_of
from infolens.tasks.evaluation import Answers, HeldOut

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    parser.add_argument("--exact", type=Path, default=PROCESSING / "input/exact", help="what export.py left beside it")
    parser.add_argument("--dataset", type=Path, default=PROCESSING / "input/dataset")
    parser.add_argument("--output", type=Path, default=PROCESSING / "output")
    return parser.parse_args()


def main(given: argparse.Namespace) -> None:
    """Evaluate both on the very same examples and cases, and compare them example by example."""
    held_out = HeldOut.of(given.task, given.dataset)
    digest = given.digest or digest_of(given.bundle)
    answers = held_out.answered_by(given.bundle, digest)
    metrics, slices = held_out.measure(answers)
    champion = against_champion(held_out, answers, given) if given.champion is not None else {}
    report = EvaluationReport(
        task=given.task,
        run_id=given.run_id,
        dataset_id=given.dataset_id,
        bundle_digest=digest,
        rows=held_out.rows,
        metrics=metrics,
        slices=slices,
        quantisation=against_exact(held_out, answers, metrics, given),
        **({"champion_digest": "", "champion_metrics": {}} | champion),
    )
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "report.json").write_bytes(codec.to_json(report))
    print(  # noqa: T201 - a job's standard output is its log
        f"rows={report.rows} " + " ".join(f"{name}={value:.4f}" for name, value in metrics.items())
    )


def against_exact(
    held_out: HeldOut, answers: Answers, metrics: Mapping[str, float], given: argparse.Namespace
) -> Quantisation:
    """Measure the same graphs with weights in 32 bits on the same examples."""
    note, directory = read_exact(given.exact, given.bundle)
    if not note.quantised:
        return Quantisation(exact_digest="", how=note.how)
    digest = digest_of(directory)
    exact = held_out.answered_by(directory, digest)
    found, _ = held_out.measure(exact)
    gated = {gate.metric for gate in part_of(given.task, "gates").GATES if not gate.slice}
    moved = {name for name in gated & set(found) if abs(found[name] - metrics[name]) > QUANTISATION_LOSS}
    return Quantisation(digest, note.how, found, held_out.one_row(exact, answers, moved))


def against_champion(held_out: HeldOut, answers: Answers, given: argparse.Namespace) -> dict[str, Any]:
    """Give the champion's part of the report."""
    digest = given.champion_digest or digest_of(given.champion)
    champion = held_out.answered_by(given.champion, digest)
    metrics, _ = held_out.measure(champion)
    differences, of_slices = held_out.compare(answers, champion, part_of(given.task, "gates").GATES)
    return {
        "champion_digest": digest,
        "champion_metrics": metrics,
        "champion_differences": differences,
        "champion_slice_differences": of_slices,
    }


if __name__ == "__main__":
    options = arguments()
    with reported_failure(options.output.parents[1] / "output" / "message"):
        main(options)
