"""Turns a trained text classifier into the bundle that is served: ONNX, int8, tokenizer, manifest."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx
import torch
from torch import nn

from infolens.ml.text_classifier import MODEL_FILE, PREDICTOR, TOKENIZER_FILE
from infolens.ml.training.bundle_writing import describe_bundle, write_reference
from infolens.ml.training.einsum_to_matmul import einsum_to_matmul
from infolens.ml.training.fused_operators import fuse
from infolens.ml.training.int8_lookups import int8_lookups
from infolens.ml.training.onnx_export import quantise, trace
from infolens.ml.training.quantisation import exact_bundle, finish_exact
from infolens.ml.training.served_encoders import served_encoder
from infolens.ml.training.static_int8 import CALIBRATION_ROWS, spread, static_int8
from infolens.ml.training.text_classifier_model import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from infolens.ml.tokens import TextTokens
    from infolens.ml.training.job import ExportJob
    from infolens.ml.training.text_classifier_model import TextClassifierModel

_PHRASES = "/phrases/"
"""Beginning of the names of the nodes of the linear model."""

REFERENCE_ROWS = 400
"""Rows that parity is checked on: one label flip moves the rate by a quarter of a percent."""


def export_text_classifier(
    job: ExportJob, rows: Sequence[Mapping[str, object]], learned: Sequence[Mapping[str, object]] = ()
) -> str:
    """Write `bundle/`, `exact/` and reference.json below `job.output` and return the bundle's digest.

    Args:
        job: where the trained model is and where the bundle goes.
        rows: held-out rows with "text"; the first REFERENCE_ROWS become the reference.
        learned: rows with "text" that the model was trained on; int8 finds its scales on some of them. Without any,
            scales are found with each answer, and texts are answered alone.

    Raises:
        TrainingError: there is no trained model.
    """
    model, tokens, record = load(job.model)
    bundle = job.output / "bundle"
    bundle.mkdir(parents=True)
    exact = exact_bundle(job.output) / MODEL_FILE
    to_onnx(model, exact)
    to_int8(exact, bundle / MODEL_FILE, [tokens.ids(str(row["text"])) for row in spread(learned, CALIBRATION_ROWS)])
    shutil.copyfile(job.model / TOKENIZER_FILE, bundle / TOKENIZER_FILE)
    config: dict[str, object] = {"labels": list(record.shape.labels), "max_tokens": record.shape.max_tokens}
    if record.shape.sentence_ends:
        config["sentence_ends"] = True
    if record.shape.pooling != "mean":
        config["pooling"] = record.shape.pooling
    if learned:
        config["together"] = True
    digest = describe_bundle(bundle, record, PREDICTOR, config)
    finish_exact(job.output)
    inputs = [{"text": str(row["text"])} for row in rows[:REFERENCE_ROWS]]
    scores = trained_scores(model, tokens, [item["text"] for item in inputs])
    write_reference(job.output, inputs, scores.tolist())
    return digest


class ServedTextClassifier(nn.Module):
    """The trained model as the graph that is served: texts of one length, nothing masked."""

    def __init__(self, model: TextClassifierModel) -> None:
        """Rebuild the encoder; everything else is the model's own."""
        super().__init__()
        self.encoder = served_encoder(model.encoder, model.encoder_tokens, first=model.pooling == "first")
        self.encoder_tokens = model.encoder_tokens
        self.words = cast("Any", model.encoder).get_input_embeddings() if model.direct else None
        self.head, self.phrases = model.head, model.phrases

    def forward(self, input_ids: Tensor) -> Tensor:
        """Give logits, shape (texts, labels), of ids, shape (texts, tokens)."""
        # Without something beside it the encoder gets no more than it reads.
        beside = self.words is not None or self.phrases is not None
        pooled = self.encoder(input_ids[:, : self.encoder_tokens] if beside else input_ids).mean(dim=1)
        if self.words is not None:
            pooled = torch.cat([pooled, self.words(input_ids).mean(dim=1)], dim=1)
        logits = cast("Tensor", self.head(pooled))
        return logits if self.phrases is None else logits + self.phrases(input_ids, torch.ones_like(input_ids))


def to_onnx(model: TextClassifierModel, path: Path) -> None:
    """Trace the model, less dropout, into an ONNX file with free numbers of texts and of tokens, alike in all texts."""
    model.eval()
    example = torch.ones((2, 8), dtype=torch.int64)  # two of each: a dimension of one would be traced as a constant
    trace(
        ServedTextClassifier(model),
        (example,),
        path,
        inputs=["input_ids"],
        outputs=["logits"],
        free={"input_ids": {0: "texts", 1: "tokens"}, "logits": {0: "texts"}},
    )
    graph = onnx.load(path)
    if einsum_to_matmul(graph):  # encoders of a family that is not rebuilt may bring some
        onnx.save(graph, path)


def to_int8(exact: Path, path: Path, texts: Sequence[NDArray[np.int64]] = ()) -> None:
    """Quantise weights to int8, one scale per output channel.

    The vectors of the tokens get a scale each. The linear model of phrases stays exact: its few columns are a hundredth
    of a millisecond, and one scale for tens of thousands of weights would round most of them to nothing.

    Args:
        exact: the graph in fp32.
        path: where the quantised one goes.
        texts: token ids, shape (tokens,), of texts that the model learned from: activations get the scales that these
            ask for. Without any, activations are quantised as they come.
    """
    if texts:
        static_int8(exact, path, [{"input_ids": ids[np.newaxis]} for ids in texts], exclude=_PHRASES)
    else:
        phrases = [name for name in _names(exact) if name.startswith(_PHRASES)]
        quantise(exact, path, ["MatMul", "Gemm"], exclude=phrases)
    graph = onnx.load(path)
    changed = int8_lookups(graph)
    if texts:  # scales are fixed: without, there is nothing that a function could take in
        changed += fuse(graph, {"input_ids": np.resize(texts[0], (2, 3))})
    if changed:
        onnx.save(graph, path)


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
