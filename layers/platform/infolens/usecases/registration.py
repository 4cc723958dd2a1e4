"""Registers a bundle: keeps it under its digest, publishes the version that pins it, and records where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens import codec
from infolens.contracts import keys
from infolens.contracts.bundle import MANIFEST_NAME
from infolens.contracts.evaluation import EvaluationReport, Verdict
from infolens.contracts.model import ModelRecord
from infolens.gates import reasons, refusals
from infolens.ml.bundle import DigestMismatchError, digest_of, read_manifest, verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from infolens.aws.objects import ObjectStore
    from infolens.aws.registry import ModelRegistry
    from infolens.aws.versions import Versions
    from infolens.contracts.bundle import BundleManifest


class NotPassedError(RuntimeError):
    """The verdict of a run refuses its candidate; only an operator, by name, may register it."""


class WrongTaskError(ValueError):
    """The bundle was made for another task."""


@dataclass(frozen=True)
class Candidate:
    """A bundle that may be registered."""

    task: str
    """The task that it is to serve."""
    prefix: str
    """Where it lies in the models bucket, for example in a run's export; ends with a slash."""
    digest: str
    """The digest that was judged; anything else that lies there is refused."""


@dataclass(frozen=True)
class Judged:
    """What the gates said about a bundle, and who registers it, even where they refused."""

    passed: bool
    reasons: tuple[str, ...]
    by: str
    """"state-machine" or "operator:<name>"."""
    metrics: Mapping[str, float] | None = None
    """Metrics of the evaluation report; None takes the validation metrics of the manifest."""


@dataclass(frozen=True)
class Ports:
    """Where a registration has its effects."""

    objects: ObjectStore
    versions: Versions
    registry: ModelRegistry
    models_bucket: str
    function_prefix: str
    """Name of a task's predict function less the task's name."""


def register(candidate: Candidate, judged: Judged, ports: Ports, now: datetime) -> ModelRecord:
    """Register a bundle that lies in the models bucket; the same digest again returns the version that it has.

    Args:
        candidate: the bundle.
        judged: the verdict.
        ports: where the effects go.
        now: time of the registration, UTC.

    Raises:
        DigestMismatchError: what lies there is another bundle than the one that was judged.
        WrongTaskError: the bundle is another task's.
        PublishError: the version could not be published as asked (see `infolens.aws.versions`).
    """
    task, digest = candidate.task, candidate.digest
    known = ports.registry.find_digest(task, digest)
    if known is not None:
        return known
    manifest_data = ports.objects.read(ports.models_bucket, f"{candidate.prefix}{MANIFEST_NAME}").data
    manifest = read_manifest(manifest_data, digest)
    _check_task(manifest, task)
    home = keys.bundle_prefix(task, digest)
    uri = f"s3://{ports.models_bucket}/{home}"
    _keep(manifest, manifest_data, candidate.prefix, home, ports)
    pins = {
        "BUNDLE_URI": uri,
        "BUNDLE_DIGEST": digest,
        "RUN_ID": manifest.run_id,
        "DATASET_ID": manifest.dataset_id,
    }
    description = f"bundle {digest[:12]} of {manifest.run_id}"
    version = ports.versions.publish(f"{ports.function_prefix}{task}", pins, description)
    record = ModelRecord(
        task=task,
        version=version,
        bundle_uri=uri,
        bundle_digest=digest,
        run_id=manifest.run_id,
        dataset_id=manifest.dataset_id,
        code_version=manifest.code_version,
        metrics=dict(manifest.metrics if judged.metrics is None else judged.metrics),
        verdict_passed=judged.passed,
        verdict_reasons=judged.reasons,
        registered_at=now.isoformat(timespec="seconds"),
        registered_by=judged.by,
    )
    ports.registry.put(record)
    return record


def judged_by_gates(task: str, run_id: str, ports: Ports) -> Judged:
    """Read what the gates said about a run, as it was written down, whatever the caller was told.

    Raises:
        NotPassedError: they refused.
        ObjectMissingError: nobody judged the run.
    """
    verdict = codec.from_json(Verdict, ports.objects.read(ports.models_bucket, keys.run_verdict(task, run_id)).data)
    if not verdict.passed:
        raise NotPassedError("; ".join(refusals(verdict)))
    report = ports.objects.read(ports.models_bucket, keys.run_report(task, run_id)).data
    metrics = codec.from_json(EvaluationReport, report).metrics
    return Judged(passed=True, reasons=reasons(verdict), by="state-machine", metrics=metrics)


def upload_bundle(directory: Path, task: str, objects: ObjectStore, models_bucket: str) -> str:
    """Put a local bundle under its digest into the models bucket, and return the digest; twice is the same as once.

    Raises:
        DigestMismatchError: the directory does not hold what its manifest says.
        WrongTaskError: the bundle is another task's.
    """
    digest = digest_of(directory)
    manifest = verify(directory, digest)
    _check_task(manifest, task)
    home = keys.bundle_prefix(task, digest)
    for name in (*(file.name for file in manifest.files), MANIFEST_NAME):  # the manifest last: it says "complete"
        objects.create(models_bucket, f"{home}{name}", (directory / name).read_bytes())
    return digest


def register_by_hand(  # noqa: PLR0913 - an operator's act: what, who, where, when and why
    directory: Path, task: str, operator: str, ports: Ports, now: datetime, *, why: str = ""
) -> ModelRecord:
    """Register a local bundle past the gates, for an operator; the record says so for ever.

    `why` is what the record says of it; "" says only who it was.

    Raises:
        DigestMismatchError, WrongTaskError, PublishError: as `upload_bundle` and `register`.
    """
    digest = upload_bundle(directory, task, ports.objects, ports.models_bucket)
    reasons = (why or f"registered past the gates by {operator}",)
    judged = Judged(passed=False, reasons=reasons, by=f"operator:{operator}")
    return register(Candidate(task, keys.bundle_prefix(task, digest), digest), judged, ports, now)


def _check_task(manifest: BundleManifest, task: str) -> None:
    if manifest.task != task:
        raise WrongTaskError(f"the bundle was made for {manifest.task}, not for {task}")


def _keep(manifest: BundleManifest, manifest_data: bytes, prefix: str, home: str, ports: Ports) -> None:
    """Copy the bundle to its own place, unless it is there; whether the copies are true is checked at each load."""
    if home == prefix:
        return
    present = set(ports.objects.keys(ports.models_bucket, home))
    if f"{home}{MANIFEST_NAME}" in present:
        kept = ports.objects.read(ports.models_bucket, f"{home}{MANIFEST_NAME}").data
        if kept != manifest_data:
            raise DigestMismatchError(MANIFEST_NAME, f"at {home} is not what its place says")
        return
    for file in manifest.files:
        ports.objects.copy((ports.models_bucket, f"{prefix}{file.name}", ""), ports.models_bucket, f"{home}{file.name}")
    ports.objects.create(ports.models_bucket, f"{home}{MANIFEST_NAME}", manifest_data)  # last: it says "complete"
