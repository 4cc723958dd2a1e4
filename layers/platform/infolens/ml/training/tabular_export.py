"""Turns a trained tabular model into the bundle that is served: ONNX, the task's tables, manifest."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import torch

from infolens.ml.tabular_classifier import MODEL_FILE, PREDICTOR
from infolens.ml.training.bundle_writing import describe_bundle, write_reference
from infolens.ml.training.onnx_export import trace
from infolens.ml.training.quantisation import keep_unquantised
from infolens.ml.training.tabular_model import FrozenTabularModel, TabularModel, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infolens.ml.training.job import ExportJob

REFERENCE_ROWS = 400
"""Rows that parity is checked on: one label flip moves the rate by a quarter of a percent."""


def export_tabular(
    job: ExportJob,
    inputs: Sequence[Mapping[str, object]],
    features: Sequence[Sequence[float]],
    tables: Sequence[str],
) -> str:
    """Write `bundle/`, `exact/` and reference.json below `job.output` and return the bundle's digest.

    Weights stay in 32 bits: some ten kilobytes are nothing to gain by int8, and a class boundary is all to lose.

    Args:
        job: where the trained model is and where the bundle goes.
        inputs: held-out inputs; the first REFERENCE_ROWS become the reference.
        features: what the model sees of each, shape (inputs, 2 + columns).
        tables: names of the task's own files beside the trained model that the predictor needs.

    Raises:
        TrainingError: there is no trained model.
    """
    model, record = load(job.model)
    bundle = job.output / "bundle"
    bundle.mkdir(parents=True)
    to_onnx(model, len(record.shape.classes), bundle / MODEL_FILE)
    for name in tables:
        shutil.copyfile(job.model / name, bundle / name)
    digest = describe_bundle(bundle, record, PREDICTOR, {"labels": list(record.shape.labels)})
    scores = trained_scores(model, features[:REFERENCE_ROWS])
    keep_unquantised(job.output, "some ten kilobytes: nothing to gain, and a class boundary to lose")
    write_reference(job.output, [dict(item) for item in inputs[:REFERENCE_ROWS]], scores)
    return digest


def to_onnx(model: TabularModel, groups: int, path: Path) -> None:
    """Trace the model into an ONNX file with a free number of rows."""
    frozen = FrozenTabularModel(model).eval()
    example = torch.zeros((2, 2 + len(model.mean)))  # two rows: a dimension of one would be traced as a constant
    example[1, 0] = groups - 1
    trace(
        frozen,
        (example,),
        path,
        inputs=["features"],
        outputs=["probabilities"],
        free={"features": {0: "rows"}, "probabilities": {0: "rows"}},
    )


@torch.no_grad()
def trained_scores(model: TabularModel, features: Sequence[Sequence[float]]) -> list[list[float]]:
    """Probabilities of the trained model, shape (rows, labels)."""
    if not features:
        return []
    scores: list[list[float]] = model(torch.from_numpy(np.asarray(features, dtype=np.float32))).tolist()
    return scores
