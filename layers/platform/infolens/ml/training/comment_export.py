"""Turns a trained comment classifier into the bundle that is served: ONNX, int8, manifest with the threshold."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import write_manifest
from infolens.ml.comment_classifier import PREDICTOR, WINDOWS, WORDS, against_threshold, encoding_of, probability
from infolens.ml.parity import REFERENCE_NAME
from infolens.ml.text_classifier import MODEL_FILE, TOKENIZER_FILE
from infolens.ml.training.comment_model import ServedWordModel, WordModel, WordModelSize, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from infolens.ml.comment_classifier import Encoding
    from infolens.ml.training.comment_model import CommentRecord, WindowModel
    from infolens.ml.training.job import ExportJob

REFERENCE_ROWS = 400
"""Rows that parity is checked on: one label flip moves the rate by a quarter of a percent."""

_OPSET = 17


def export_comment_classifier(job: ExportJob, rows: Sequence[Mapping[str, object]]) -> str:
    """Write `bundle/` and reference.json below `job.output` and return the bundle's digest.

    Args:
        job: where the trained model is and where the bundle goes.
        rows: held-out rows with "text"; the first REFERENCE_ROWS become the reference.

    Raises:
        TrainingError: there is no trained model.
    """
    model, record = load(job.model)
    served = ServedWordModel(model) if isinstance(model, WordModel) else model
    bundle = job.output / "bundle"
    bundle.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "exact.onnx"
        _to_onnx(served, exact)
        _to_int8(exact, bundle / MODEL_FILE)
    if (job.model / TOKENIZER_FILE).is_file():
        shutil.copyfile(job.model / TOKENIZER_FILE, bundle / TOKENIZER_FILE)
    config = served_config(record)
    digest = write_manifest(
        bundle,
        BundleManifest(
            task=record.provenance.task,
            predictor=PREDICTOR,
            run_id=record.provenance.run_id,
            dataset_id=record.provenance.dataset_id,
            code_version=record.provenance.code_version,
            config=config,
            metrics=record.metrics,
            files=(),
        ),
    )
    inputs = [{"text": str(row["text"])} for row in rows[:REFERENCE_ROWS]]
    scores = trained_scores(served, encoding_of(config, bundle), record.threshold, [one["text"] for one in inputs])
    (job.output / REFERENCE_NAME).write_text(json.dumps({"inputs": inputs, "scores": scores.tolist()}))
    return digest


def served_config(record: CommentRecord) -> dict[str, object]:
    """Give what the predictor needs to know of a trained model."""
    config: dict[str, object] = {"labels": list(record.labels), "threshold": record.threshold}
    if isinstance(record.size, WordModelSize):
        return config | {"input": WORDS, **asdict(record.size.input)}
    return config | {"input": WINDOWS, **asdict(record.size)}


@torch.no_grad()
def trained_scores(
    served: nn.Module, encoding: Encoding, threshold: float, texts: Sequence[str]
) -> NDArray[np.float32]:
    """Scores of the trained model as `CommentClassifier.scores` gives them, shape (texts, 2)."""
    served.eval()
    found = [
        probability(
            max(
                float(served(*(torch.from_numpy(one) for one in feed.values())).item()) for feed in encoding.feeds(text)
            )
        )
        for text in texts
    ]
    return against_threshold(np.array(found, dtype=np.float64), threshold)


def _to_onnx(served: ServedWordModel | WindowModel, path: Path) -> None:
    """Trace the model into an ONNX file with free numbers of words, or of windows and tokens."""
    # The exporter puts the *outer* module's mode back when it is done, and so would switch dropout on inside.
    served.eval()
    example = torch.ones((2, 8), dtype=torch.int64)  # two of each: a dimension of one would be traced as a constant
    arguments: tuple[torch.Tensor, ...]
    if isinstance(served, ServedWordModel):
        ones = torch.ones(8, dtype=torch.int64)
        arguments = (torch.ones((8, 32), dtype=torch.int64), ones, ones, ones.to(torch.float32))
        axes = {"pieces": {0: "words", 1: "most_pieces"}, "marks": {0: "words"}} | {
            name: {0: "terms"} for name in ("terms", "weights")
        }
    else:
        arguments = (example, example)
        axes = {name: {0: "windows", 1: "tokens"} for name in ("input_ids", "attention_mask")} | {
            "logit": {0: "windows"}
        }
    with warnings.catch_warnings():
        # Tracing warns of every Python branch on a shape, and that dynamo would be newer: it exports attention that
        # neither fuses nor quantises better here (PERFORMANCE.md, pitfalls of section C).
        warnings.simplefilter("ignore")
        torch.onnx.export(
            served,
            arguments,
            str(path),
            input_names=[name for name in axes if name != "logit"],
            output_names=["logit"],
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )


def _to_int8(exact: Path, path: Path) -> None:
    """Quantise weights to int8; the vectors of the pieces, most of a model of words, are looked up as int8 too.

    The linear model's weights stay as they are: one scale for all of them would take the small ones, which are most.
    """
    nodes = onnx.load(exact).graph.node
    linear = [node.name for node in nodes if node.op_type == "Gather" and "terms" in node.input[1]]
    logging.getLogger("root").setLevel(logging.ERROR)  # the quantiser advises a shape inference that is not needed
    quantize_dynamic(
        exact,
        path,
        per_channel=True,
        weight_type=QuantType.QInt8,
        # CPUs without VNNI add pairs of products in 16 bits, which overflow with full-range weights. Lambda's fleet is
        # mixed, and an answer must not depend on the machine; seven bits cost no time.
        reduce_range=True,
        op_types_to_quantize=["MatMul", "Gemm", "Gather"],
        nodes_to_exclude=linear,
    )
