"""Brings a run's evidence before the gates, and keeps the verdict beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.bundle import MANIFEST_NAME
from infolens.contracts.evaluation import EvaluationReport, GateResult, ParityReport, Verdict
from infolens.gates import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.evaluation import Gate, ParityGate


@dataclass(frozen=True)
class Case:
    """What is judged, and by which demands."""

    task: str
    run_id: str
    champion_digest: str
    """Digest of the bundle that served when the run began; "" when none did."""
    gates: Sequence[Gate]
    parity_gate: ParityGate


def judge_run(case: Case, objects: ObjectStore, bucket: str) -> Verdict:
    """Judge a run by its report, its parity and the bundle that lies in the bucket; writes the run's verdict.json.

    Evidence that is missing or unreadable refuses like any other.
    """
    bundle_key = f"{keys.run_bundle(case.task, case.run_id)}{MANIFEST_NAME}"
    try:
        report_data = objects.read(bucket, keys.run_report(case.task, case.run_id)).data
        parity_data = objects.read(bucket, keys.run_parity(case.task, case.run_id)).data
        bundle_digest = hashlib.sha256(objects.read(bucket, bundle_key).data).hexdigest()
        verdict = judge(
            codec.from_json(EvaluationReport, report_data),
            codec.from_json(ParityReport, parity_data),
            case.gates,
            case.parity_gate,
            bundle_digest=bundle_digest,
            champion_digest=case.champion_digest,
        )
    except ObjectMissingError as error:
        verdict = _no_evidence(f"{error} is missing")
    except ValueError as error:  # pydantic's error is one
        verdict = _no_evidence(f"a report cannot be read: {error}")
    objects.write(bucket, keys.run_verdict(case.task, case.run_id), codec.to_json(verdict), "application/json")
    return verdict


def _no_evidence(reason: str) -> Verdict:
    return Verdict(passed=False, results=(GateResult("evidence", passed=False, reason=reason),))
