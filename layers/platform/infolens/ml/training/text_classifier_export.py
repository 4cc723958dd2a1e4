"""Turns a trained text classifier into the bundle that is served: ONNX, int8, tokenizer, manifest."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import write_manifest
from infolens.ml.parity import REFERENCE_NAME
from infolens.ml.text_classifier import MODEL_FILE, PREDICTOR, TOKENIZER_FILE
from infolens.ml.training.einsum_to_matmul import einsum_to_matmul
from infolens.ml.training.text_classifier_model import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from infolens.ml.tokens import TextTokens
    from infolens.ml.training.job import ExportJob
    from infolens.ml.training.text_classifier_model import TextClassifierModel

REFERENCE_ROWS = 400
"""Rows that parity is checked on: one label flip moves the rate by a quarter of a percent."""

_OPSET = 17


def export_text_classifier(job: ExportJob, rows: Sequence[Mapping[str, object]]) -> str:
    """Write `bundle/` and reference.json below `job.output` and return the bundle's digest.

    Args:
        job: where the trained model is and where the bundle goes.
        rows: held-out rows with "text"; the first REFERENCE_ROWS become the reference.

    Raises:
        TrainingError: there is no trained model.
    """
    model, tokens, record = load(job.model)
    bundle = job.output / "bundle"
    bundle.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "exact.onnx"
        to_onnx(model, exact)
        to_int8(exact, bundle / MODEL_FILE)
    shutil.copyfile(job.model / TOKENIZER_FILE, bundle / TOKENIZER_FILE)
    digest = write_manifest(
        bundle,
        BundleManifest(
            task=record.provenance.task,
            predictor=PREDICTOR,
            run_id=record.provenance.run_id,
            dataset_id=record.provenance.dataset_id,
            code_version=record.provenance.code_version,
            config={"labels": list(record.shape.labels), "max_tokens": record.shape.max_tokens},
            metrics=record.metrics,
            files=(),
        ),
    )
    inputs = [{"text": str(row["text"])} for row in rows[:REFERENCE_ROWS]]
    scores = trained_scores(model, tokens, [item["text"] for item in inputs])
    (job.output / REFERENCE_NAME).write_text(json.dumps({"inputs": inputs, "scores": scores.tolist()}))
    return digest


def to_onnx(model: TextClassifierModel, path: Path) -> None:
    """Trace the model into an ONNX file with free numbers of texts and tokens."""
    # The exporter puts the *outer* module's mode back when it is done, and so would switch dropout on inside.
    model.eval()
    example = torch.ones((2, 8), dtype=torch.int64)  # two of each: a dimension of one would be traced as a constant
    axes = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings():
        # Tracing warns of every Python branch on a shape, and that dynamo would be newer: it exports attention that
        # neither fuses nor quantises better here (PERFORMANCE.md, pitfalls of section C).
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (example, example),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "texts"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    graph = onnx.load(path)
    if einsum_to_matmul(graph):
        onnx.save(graph, path)


def to_int8(exact: Path, path: Path) -> None:
    """Quantise weights to int8, one scale per output channel; activations are quantised as they come.

    The linear model of phrases stays exact: its few columns are a hundredth of a millisecond, and one scale for tens of
    thousands of weights would round most of them to nothing.
    """
    logging.getLogger("root").setLevel(
        logging.ERROR
    )  # the quantiser advises a shape inference that MatMul does not need
    quantize_dynamic(
        exact,
        path,
        per_channel=True,
        weight_type=QuantType.QInt8,
        # CPUs without VNNI add pairs of products in 16 bits, which overflow with full-range weights. Lambda's fleet is
        # mixed, and an answer must not depend on the machine; seven bits cost no time.
        reduce_range=True,
        op_types_to_quantize=["MatMul", "Gemm"],
        nodes_to_exclude=[name for name in _names(exact) if name.startswith("/phrases/")],
    )


def _names(model: Path) -> list[str]:
    return [node.name for node in onnx.load(model, load_external_data=False).graph.node]


@torch.no_grad()
def trained_scores(model: TextClassifierModel, tokens: TextTokens, texts: Sequence[str]) -> NDArray[np.float32]:
    """Probabilities of the trained model, shape (texts, labels); each text alone, as it is served."""
    if not texts:
        return np.empty((0, model.head.out_features), dtype=np.float32)
    rows = []
    for text in texts:
        ids = torch.from_numpy(tokens.ids(text)).unsqueeze(0)
        rows.append(torch.softmax(model(ids, torch.ones_like(ids)), dim=1))
    scores: NDArray[np.float32] = torch.cat(rows).numpy()
    return scores
