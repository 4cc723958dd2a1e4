"""SageMaker training job, script mode: dataset channel in, trained model out. All work is in the task's folder."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from infolens.ml.metric_lines import metric_line
from infolens.ml.training.failure import reported_failure
from infolens.ml.training.job import Provenance, Tracker, TrainingJob
from infolens.ml.training.run_tracking import run_name, tracked
from infolens.tasks import part_of

# What the training toolkit sets; the defaults are where SageMaker puts things.
MODEL = Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
DATASET = Path(os.environ.get("SM_CHANNEL_DATASET", "/opt/ml/input/data/dataset"))
OUTPUT = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output"))


def arguments() -> tuple[argparse.Namespace, dict[str, str]]:
    """Read the hyperparameters, which script mode passes as options; those that are not ours are the profile's."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--task", required=True)
    parser.add_argument("--profile", default="gpu")
    parser.add_argument("--base-model", default="", help="hub id or directory; empty takes the profile's own")
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--dataset-id", required=True)
    parser.add_argument("--code-version", required=True)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--model-dir", type=Path, default=MODEL)
    parser.add_argument("--dataset", type=Path, default=DATASET)
    parser.add_argument("--checkpoints", type=Path, default=MODEL.parent / "checkpoints")
    known, others = parser.parse_known_args()
    if len(others) % 2 or not all(word.startswith("--") for word in others[::2]):
        parser.error(f"hyperparameters are given as --name value, not {' '.join(others)}")
    names = [word.removeprefix("--").replace("-", "_") for word in others[::2]]
    given = dict(zip(names, others[1::2], strict=True))
    # A tuning job adds `_tuning_objective_metric`, which is its own.
    return known, {name: value for name, value in given.items() if not name.startswith("_")}


def main() -> None:
    """Train."""
    given, hyperparameters = arguments()
    # Read when torch loads its OpenMP, further down: threads that wait spin otherwise, and on a machine that has other
    # work (a laptop with the embedded cloud) that made training three times as slow.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    given.model_dir.mkdir(parents=True, exist_ok=True)
    whose = Provenance(given.task, given.run_id, given.dataset_id, given.code_version)
    name = run_name(whose, datetime.now(UTC))
    print(f"run_name={name}", flush=True)  # noqa: T201 - a job's standard output is its log
    with tracked(os.environ, whose, name) as tracker:
        train(given, hyperparameters, whose, tracker)


def train(
    given: argparse.Namespace, hyperparameters: dict[str, str], whose: Provenance, tracker: Tracker | None
) -> None:
    """Train and say last what the model that is kept validated at."""
    job = TrainingJob(
        provenance=whose,
        dataset=given.dataset,
        output=given.model_dir,
        checkpoints=given.checkpoints,
        profile=given.profile,
        base_model=given.base_model,
        seed=given.seed,
        hyperparameters=hyperparameters,
        tracker=tracker,
    )
    record = part_of(given.task, "train").train(job)
    # Last of all those of the weights that are kept: a tuning job compares what its trainings say last.
    print(metric_line(**record.metrics), flush=True)  # noqa: T201 - SageMaker reads metrics from standard output


if __name__ == "__main__":
    with reported_failure(OUTPUT / "failure"):
        main()
