"""Starts training runs, and reads what a run left behind: its verdict and its measurements."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

from infolens import codec
from infolens.aws.objects import ObjectMissingError, ObjectStore
from infolens.code import training_name
from infolens.contracts import keys
from infolens.contracts.dataset import DatasetManifest
from infolens.contracts.evaluation import EvaluationReport, ParityReport, Verdict
from infolens.ingest.dataset import Head
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from infolens_cli.stack import Stack

SUFFIX_LENGTH = 4
"""Letters that tell a repeated run from the first; what `training_name` takes at most."""


def head_dataset(objects: ObjectStore, stack: Stack, task: str) -> str:
    """Id of a task's newest dataset.

    Raises:
        Trouble: the task has none yet.
    """
    try:
        found = objects.read(stack.data_bucket, keys.dataset_head(task))
    except ObjectMissingError as error:
        raise Trouble(f"{task} has no dataset yet", f"`infolens upload {task} FILE` makes the first one") from error
    return codec.from_json(Head, found.data).dataset_id


def dataset(objects: ObjectStore, stack: Stack, task: str, dataset_id: str) -> DatasetManifest:
    """Read the manifest of a dataset.

    Raises:
        Trouble: there is no such dataset.
    """
    try:
        found = objects.read(stack.data_bucket, keys.dataset_manifest(task, dataset_id))
    except ObjectMissingError as error:
        raise Trouble(
            f"{task} has no dataset {dataset_id}", "give the whole id, as `infolens upload` prints it"
        ) from error
    return codec.from_json(DatasetManifest, found.data)


def run_name(manifest: DatasetManifest, *, again: bool) -> str:
    """Name of the run of a dataset: the one that ingest has started, or a new one."""
    letters = string.ascii_lowercase + string.digits
    suffix = "".join(secrets.choice(letters) for _ in range(SUFFIX_LENGTH)) if again else ""
    return training_name(manifest.task, manifest.dataset_id, manifest.code_version, suffix)


def verdict_of(objects: ObjectStore, stack: Stack, task: str, run_id: str) -> Verdict | None:
    """Read what the gates said about a run; None when it did not come so far."""
    try:
        return codec.from_json(Verdict, objects.read(stack.models_bucket, keys.run_verdict(task, run_id)).data)
    except ObjectMissingError:
        return None


def evaluation_of(objects: ObjectStore, stack: Stack, task: str, run_id: str) -> EvaluationReport | None:
    """Read a run's metrics on the held-out rows; None when it did not come so far."""
    try:
        return codec.from_json(EvaluationReport, objects.read(stack.models_bucket, keys.run_report(task, run_id)).data)
    except ObjectMissingError:
        return None


def parity_of(objects: ObjectStore, stack: Stack, task: str, run_id: str) -> ParityReport | None:
    """Read how far a run's exported bundle is from its trained model; None when it did not come so far."""
    try:
        return codec.from_json(ParityReport, objects.read(stack.models_bucket, keys.run_parity(task, run_id)).data)
    except ObjectMissingError:
        return None
