"""Measures a task's bundles on held-out rows, the way they are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from infolens.ml.bundle import verify
from infolens.tasks import part_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infolens.contracts.task import LoadPredictor


def measure(
    task: str, directory: Path, digest: str, rows: Sequence[Mapping[str, object]]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Answer `rows` with the bundle in `directory` -> (metrics, slices).

    Raises:
        DigestMismatchError: the bundle is not what `digest` says.
    """
    manifest = verify(directory, digest)
    load = cast("LoadPredictor", part_of(task, "predict").load)
    answers = load(directory, manifest).predict(rows)
    metrics, slices = part_of(task, "metrics").evaluate(rows, answers)
    return metrics, slices
