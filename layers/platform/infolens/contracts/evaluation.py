"""What is known about a candidate before it meets traffic: parity, metrics, gates and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

NO_LIMIT = float("-inf")
"""Limit of a gate that asks only how a slice or a candidate compares."""


class Direction(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher_is_better"
    LOWER = "lower_is_better"


@dataclass(frozen=True)
class Gate:
    """One demand on one metric of the held-out rows; each task states its own in `tasks/<task>/gates.py`."""

    metric: str
    direction: Direction
    limit: float
    """Floor when higher is better, ceiling when lower is better; the limit itself passes."""
    max_loss: float | None
    """How much worse than the champion on the same rows is still accepted; None compares with no champion.

    A larger loss must be ruled out by the lower bound of the paired difference, not by the difference itself.
    """
    min_rows: int
    """Fewer held-out rows than this are no evidence: the gate refuses."""
    why: str
    """Where the number comes from (a requirement id, a baseline)."""
    slice: str = ""
    """Glob over the names of slices ("cases=negation", "identity=*"); "" holds all rows to the gate.

    Each slice that matches and has `min_rows` is held to it; that none does refuses.
    """
    max_gap: float | None = None
    """How much worse than on all rows the metric may be on the slice; None compares with nothing."""


@dataclass(frozen=True)
class ParityGate:
    """How far the exported, quantised model may be from the trained one (int8 flips a few labels near the boundary)."""

    max_mean_difference: float
    """Mean absolute difference of the output probabilities."""
    max_label_flips: float
    """Share of rows whose answer changes."""
    min_rows: int


@dataclass(frozen=True)
class ParityReport:
    """The exported bundle against the trained model on the same inputs."""

    bundle_digest: str
    rows: int
    mean_difference: float
    max_difference: float
    label_flips: float


@dataclass(frozen=True)
class PairedDifference:
    """How much a metric of the candidate differs from the champion's on the very same rows, and how surely."""

    value: float
    """Candidate minus champion."""
    low: float
    """The difference is at least this with confidence `level`."""
    high: float
    """The difference is at most this with confidence `level`."""
    rows: int
    units: int
    """Groups of rows that are independent of each other (days, users); as many as rows where each row is."""
    method: str
    """How the bounds were found, in words."""
    level: float
    """Confidence of each bound by itself (one-sided)."""


QUANTISATION_LOSS = 0.005
"""The most of a gated metric that quantised weights may cost; see `infra/decisions/0018`."""


@dataclass(frozen=True)
class Quantisation:
    """What quantised weights cost: the same held-out rows, answered by the bundle and by its graphs in 32 bits."""

    exact_digest: str
    """Digest of the bundle with the graphs in 32 bits; "" when the served ones have 32 bits themselves."""
    how: str
    """How the weights are quantised, or why they are not."""
    exact_metrics: dict[str, float] = field(default_factory=dict)
    one_row: dict[str, float] = field(default_factory=dict)
    """Metric -> the most that the changed answer to a single row moves it, where it lost more than QUANTISATION_LOSS
    on few rows: nothing smaller can be seen there."""


@dataclass(frozen=True)
class EvaluationReport:
    """Metrics of one bundle on held-out rows, and of the champion's bundle on the very same rows."""

    task: str
    run_id: str
    dataset_id: str
    bundle_digest: str
    rows: int
    metrics: dict[str, float]
    slices: dict[str, dict[str, float]]
    """Slice name -> metrics (and "rows") on that slice."""
    champion_digest: str
    """"" when there is no champion yet."""
    champion_metrics: dict[str, float]
    champion_differences: dict[str, PairedDifference] = field(default_factory=dict)
    """Metric -> candidate against champion; a metric that is not here has not been compared."""
    champion_slice_differences: dict[str, dict[str, PairedDifference]] = field(default_factory=dict)
    """Slice -> metric -> the same, for the slices whose gates ask for it."""
    quantisation: Quantisation | None = None
    """None says nothing about it, which refuses."""


@dataclass(frozen=True)
class GateResult:
    """What one gate said, with the numbers it saw."""

    gate: str
    passed: bool
    reason: str
    """Value, limit and rows in words."""


@dataclass(frozen=True)
class Verdict:
    """All gates together; it passes only when every gate passed, and there was at least one."""

    passed: bool
    results: tuple[GateResult, ...]
