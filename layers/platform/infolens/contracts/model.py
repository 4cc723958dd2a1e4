"""A registered model: the link between a published function version and the run it came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelRecord:
    """One published version of a task's predict function and what it pins."""

    task: str
    version: str
    """Number of the published Lambda version."""
    bundle_uri: str
    """s3://bucket/prefix/ of the bundle."""
    bundle_digest: str
    run_id: str
    dataset_id: str
    code_version: str
    metrics: dict[str, float]
    verdict_passed: bool
    verdict_reasons: tuple[str, ...]
    registered_at: str
    """ISO 8601, UTC."""
    registered_by: str
    """"state-machine" or "operator:<name>"; an operator can register a bundle past its gates, and it stays visible."""
