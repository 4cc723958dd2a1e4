"""Turns a trained comment classifier into the bundle that is served: ONNX, int8, manifest with the threshold."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch

from infolens.ml.comment_classifier import PREDICTOR, WINDOWS, WORDS, against_threshold, encoding_of, probability
from infolens.ml.text_classifier import MODEL_FILE, TOKENIZER_FILE
from infolens.ml.training.bundle_writing import describe_bundle, write_reference
from infolens.ml.training.comment_model import ServedWordModel, WordModel, WordModelSize, load
from infolens.ml.training.onnx_export import quantise, trace
from infolens.ml.training.quantisation import exact_bundle, finish_exact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from infolens.ml.comment_classifier import Encoding
    from infolens.ml.training.comment_model import CommentRecord, WindowModel
    from infolens.ml.training.job import ExportJob

REFERENCE_ROWS = 400
"""Rows that parity is checked on: one label flip moves the rate by a quarter of a percent."""


def export_comment_classifier(job: ExportJob, rows: Sequence[Mapping[str, object]]) -> str:
    """Write `bundle/`, `exact/` and reference.json below `job.output` and return the bundle's digest.

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
    exact = exact_bundle(job.output) / MODEL_FILE
    _to_onnx(served, exact)
    _to_int8(exact, bundle / MODEL_FILE)
    if (job.model / TOKENIZER_FILE).is_file():
        shutil.copyfile(job.model / TOKENIZER_FILE, bundle / TOKENIZER_FILE)
    config = served_config(record)
    digest = describe_bundle(bundle, record, PREDICTOR, config)
    finish_exact(job.output)
    inputs = [{"text": str(row["text"])} for row in rows[:REFERENCE_ROWS]]
    scores = trained_scores(served, encoding_of(config, bundle), record.threshold, [one["text"] for one in inputs])
    write_reference(job.output, inputs, scores.tolist())
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
    trace(served, arguments, path, inputs=[name for name in axes if name != "logit"], outputs=["logit"], free=axes)


def _to_int8(exact: Path, path: Path) -> None:
    """Quantise weights to int8; the vectors of the pieces, most of a model of words, are looked up as int8 too.

    The linear model's weights stay as they are: one scale for all of them would take the small ones, which are most.
    """
    nodes = onnx.load(exact).graph.node
    linear = [node.name for node in nodes if node.op_type == "Gather" and "terms" in node.input[1]]
    quantise(exact, path, ["MatMul", "Gemm", "Gather"], exclude=linear)
