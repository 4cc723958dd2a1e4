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
from infolens.contracts.load import LoadReport
from infolens.contracts.training_run import TrainedModel
from infolens.ingest.dataset import Head
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from infolens_cli.stack import Stack

_STRATEGIES = ("Grid", "Random")

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
    return training_name(manifest.task, manifest.dataset_id, manifest.code_version, _letters() if again else "")


def _letters() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(SUFFIX_LENGTH))


def order(  # noqa: PLR0913 - what an operator can ask for
    manifest: DatasetManifest,
    reason: str,
    *,
    strategy: str = "",
    max_jobs: int = 0,
    parallel: int = 2,
    spot: bool | None = None,
    resume: str = "",
) -> dict[str, object]:
    """Build the input of a training run; what is not asked for is left to the stack.

    Raises:
        Trouble: the search asked for is none that there is.
    """
    asked: dict[str, object] = {"task": manifest.task, "dataset_id": manifest.dataset_id, "reason": reason}
    if strategy:
        if strategy.capitalize() not in _STRATEGIES:
            raise Trouble(f"there is no search {strategy!r}", "`--tune grid` tries all combinations, `random` some")
        asked["tuning"] = {"strategy": strategy.capitalize(), "max_jobs": max_jobs, "parallel": parallel}
    if spot is not None:
        asked["spot"] = spot
    if resume:
        asked["resume"] = resume
    return asked


def trained(objects: ObjectStore, stack: Stack, task: str, run_id: str) -> TrainedModel:
    """Find the trained model of a run.

    Raises:
        Trouble: the run has none.
    """
    try:
        found = objects.read(stack.models_bucket, keys.run_trained(task, run_id))
    except ObjectMissingError as error:
        raise Trouble(
            f"run {run_id} of {task} has no trained model to go on with", f"`infolens train {task} --again`"
        ) from error
    return codec.from_json(TrainedModel, found.data)


def resumed_name(model: TrainedModel) -> str:
    """Name of an execution that goes on with a trained model; each try has another."""
    return training_name(model.task, model.dataset_id, model.code_version, _letters())


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


def load_of(objects: ObjectStore, stack: Stack, task: str, run_id: str) -> LoadReport | None:
    """Read what many users would have seen of a run's version; None when it did not come so far."""
    try:
        return codec.from_json(LoadReport, objects.read(stack.models_bucket, keys.run_load(task, run_id)).data)
    except ObjectMissingError:
        return None
