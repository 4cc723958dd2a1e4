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
    load_passed: bool | None = None
    """What the load test of the version said; None where there was none (registered by hand, or before there were)."""
    load_reasons: tuple[str, ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the version must not meet users unless somebody insists; empty when nothing speaks against it."""
        if not self.verdict_passed:
            return (f"version {self.version} did not pass its gates", *self.verdict_reasons)
        if self.load_passed is False:
            return (f"version {self.version} did not pass its load test", *self.load_reasons)
        return ()
