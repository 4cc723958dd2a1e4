"""Finishes what an export leaves behind: the bundle's manifest, and the reference that the bundle must reproduce."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import write_manifest
from infolens.ml.parity import REFERENCE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Protocol

    from infolens.ml.training.job import Provenance

    class Trained(Protocol):
        """The record of a trained model, of whatever family."""

        @property
        def provenance(self) -> Provenance:
            """Where the model comes from."""

        @property
        def metrics(self) -> dict[str, float]:
            """Validation metrics of the run."""


def describe_bundle(bundle: Path, trained: Trained, predictor: str, config: dict[str, object]) -> str:
    """Write the manifest over the files in `bundle` and return the bundle's digest.

    Args:
        bundle: directory with all that will be served.
        trained: run, dataset, code version and metrics travel from the trained model into the manifest.
        predictor: which predictor of `infolens.ml` reads it.
        config: what that predictor needs.
    """
    whose = trained.provenance
    return write_manifest(
        bundle,
        BundleManifest(
            task=whose.task,
            predictor=predictor,
            run_id=whose.run_id,
            dataset_id=whose.dataset_id,
            code_version=whose.code_version,
            config=config,
            metrics=trained.metrics,
            files=(),
        ),
    )


def write_reference(output: Path, inputs: Sequence[Mapping[str, object]], scores: Sequence[Sequence[float]]) -> None:
    """Write inputs and the trained model's own scores of them beside the bundle."""
    (output / REFERENCE_NAME).write_text(json.dumps({"inputs": inputs, "scores": scores}))
