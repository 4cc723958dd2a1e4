"""Turns a trained tabular model into the bundle that is served: ONNX, the task's tables, manifest."""

from __future__ import annotations

import json
import shutil
import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch

from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import write_manifest
from infolens.ml.parity import REFERENCE_NAME
from infolens.ml.tabular_classifier import MODEL_FILE, PREDICTOR
from infolens.ml.training.tabular_model import FrozenTabularModel, TabularModel, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infolens.ml.training.job import ExportJob

REFERENCE_ROWS = 400
"""Rows that parity is checked on: one label flip moves the rate by a quarter of a percent."""

_OPSET = 17


def export_tabular(
    job: ExportJob,
    inputs: Sequence[Mapping[str, object]],
    features: Sequence[Sequence[float]],
    tables: Sequence[str],
) -> str:
    """Write `bundle/` and reference.json below `job.output` and return the bundle's digest.

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
    digest = write_manifest(
        bundle,
        BundleManifest(
            task=record.provenance.task,
            predictor=PREDICTOR,
            run_id=record.provenance.run_id,
            dataset_id=record.provenance.dataset_id,
            code_version=record.provenance.code_version,
            config={"labels": list(record.shape.labels)},
            metrics=record.metrics,
            files=(),
        ),
    )
    scores = trained_scores(model, features[:REFERENCE_ROWS])
    reference = {"inputs": [dict(item) for item in inputs[:REFERENCE_ROWS]], "scores": scores}
    (job.output / REFERENCE_NAME).write_text(json.dumps(reference))
    return digest


def to_onnx(model: TabularModel, groups: int, path: Path) -> None:
    """Trace the model into an ONNX file with a free number of rows."""
    frozen = FrozenTabularModel(model).eval()
    example = torch.zeros((2, 2 + len(model.mean)))  # two rows: a dimension of one would be traced as a constant
    example[1, 0] = groups - 1
    with warnings.catch_warnings():
        # The exporter warns that it is the older one, which the dynamic number of rows needs no newer than.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            frozen,
            (example,),
            str(path),
            input_names=["features"],
            output_names=["probabilities"],
            dynamic_axes={"features": {0: "rows"}, "probabilities": {0: "rows"}},
            opset_version=_OPSET,
            dynamo=False,
        )


@torch.no_grad()
def trained_scores(model: TabularModel, features: Sequence[Sequence[float]]) -> list[list[float]]:
    """Probabilities of the trained model, shape (rows, labels)."""
    if not features:
        return []
    scores: list[list[float]] = model(torch.from_numpy(np.asarray(features, dtype=np.float32))).tolist()
    return scores
