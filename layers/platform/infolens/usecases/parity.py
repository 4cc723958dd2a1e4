"""Checks an exported bundle against the model it was made from, with the very predictor that will serve it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from infolens import codec
from infolens.contracts import keys
from infolens.contracts.bundle import MANIFEST_NAME
from infolens.gates import judge_parity
from infolens.ml.bundle import DigestMismatchError, read_manifest
from infolens.ml.parity import compare

if TYPE_CHECKING:
    from infolens.aws.objects import ObjectStore
    from infolens.contracts.bundle import BundleManifest
    from infolens.contracts.evaluation import ParityGate
    from infolens.contracts.task import Predictor


class LoadBundle(Protocol):
    """`infolens.serving.loading.load_bundle`."""

    def __call__(self, task: str, uri: str, digest: str) -> Predictor:
        """Fetch, check and open a bundle; raises DigestMismatchError."""


@dataclass(frozen=True)
class Parity:
    """What the state machine goes on with."""

    digest: str
    passed: bool
    reason: str
    """Why it is refused, or the figures."""


def check_parity(  # noqa: PLR0913 - a run is named by three ids
    task: str,
    run_id: str,
    dataset_id: str,
    *,
    gate: ParityGate,
    bucket: str,
    objects: ObjectStore,
    load: LoadBundle,
) -> Parity:
    """Answer the reference inputs with the exported bundle and compare; the report goes to the run's parity.json.

    Everything that is wrong with the bundle itself is a refusal with its reason. Only a missing export, which is the
    job's failure, is raised (ObjectMissingError).
    """
    data = objects.read(bucket, f"{keys.run_bundle(task, run_id)}{MANIFEST_NAME}").data
    reference = json.loads(objects.read(bucket, keys.run_reference(task, run_id)).data)
    digest = hashlib.sha256(data).hexdigest()
    try:
        manifest = read_manifest(data, digest)
        _check_origin(manifest, task, run_id, dataset_id)
        scores = load(task, f"s3://{bucket}/{keys.run_bundle(task, run_id)}", digest).scores(reference["inputs"])
        report = compare(scores, reference["scores"], digest)
    except DigestMismatchError as error:
        return Parity(digest, passed=False, reason=f"bundle digest: {error}")
    except Exception as error:  # noqa: BLE001 - a bundle that cannot be opened or asked is refused, whatever it raises
        return Parity(digest, passed=False, reason=f"the exported bundle fails: {type(error).__name__}: {error}")
    objects.write(bucket, keys.run_parity(task, run_id), codec.to_json(report), "application/json")
    results = judge_parity(report, gate)
    refused = [result for result in results if not result.passed]
    reason = "; ".join(f"{result.gate}: {result.reason}" for result in refused or results)
    return Parity(digest, not refused, reason)


class WrongOriginError(ValueError):
    """The bundle says that it comes from somewhere else."""


def _check_origin(manifest: BundleManifest, task: str, run_id: str, dataset_id: str) -> None:
    said = f"{manifest.task}, {manifest.run_id}, {manifest.dataset_id}"
    expected = f"{task}, {run_id}, {dataset_id}"
    if said != expected:
        raise WrongOriginError(f"the manifest names {said}; the run is {expected}")
