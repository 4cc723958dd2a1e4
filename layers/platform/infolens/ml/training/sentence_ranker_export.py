"""Turns a trained sentence ranker into the bundle that is served: ONNX, tokenizer, manifest."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import torch

from infolens.ml.sentence_features import FEATURES, MAX_SENTENCES, read_article
from infolens.ml.sentence_ranker import MODEL_FILE, PREDICTOR, TOKENIZER_FILE, model_inputs
from infolens.ml.training.bundle_writing import describe_bundle, write_reference
from infolens.ml.training.onnx_export import trace
from infolens.ml.training.quantisation import keep_unquantised
from infolens.ml.training.sentence_ranker_model import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from infolens.ml.tokens import TextTokens
    from infolens.ml.training.job import ExportJob
    from infolens.ml.training.sentence_ranker_model import RankerModel

REFERENCE_ROWS = 400


def export_sentence_ranker(job: ExportJob, rows: Sequence[Mapping[str, object]]) -> str:
    """Write `bundle/`, `exact/` and reference.json below `job.output` and return the bundle's digest.

    The weights stay fp32: nearly all of them are word vectors that are looked up, not multiplied, and a text takes a
    millisecond; int8 would save two megabytes and no time.

    Args:
        job: where the trained model is and where the bundle goes.
        rows: held-out rows with "text"; the first REFERENCE_ROWS become the reference.

    Raises:
        TrainingError: there is no trained ranker.
    """
    model, tokens, record = load(job.model)
    bundle = job.output / "bundle"
    bundle.mkdir(parents=True)
    to_onnx(model, bundle / MODEL_FILE)
    shutil.copyfile(job.model / TOKENIZER_FILE, bundle / TOKENIZER_FILE)
    rules = record.rules
    digest = describe_bundle(
        bundle,
        record,
        PREDICTOR,
        {
            "rules": {
                "max_tokens": rules.max_tokens,
                "least_share": rules.least_share,
                "max_repeated": rules.max_repeated,
            }
        },
    )
    inputs = [{"text": str(row["text"])} for row in rows[:REFERENCE_ROWS]]
    scores = trained_scores(model, tokens, [item["text"] for item in inputs])
    keep_unquantised(job.output, "nearly all weights are word vectors that are looked up: int8 would save no time")
    write_reference(job.output, inputs, scores.tolist())
    return digest


def to_onnx(model: RankerModel, path: Path) -> None:
    """Trace the model into an ONNX file for one article with free numbers of sentences and pieces."""
    features, pieces = torch.zeros((1, 3, len(FEATURES))), torch.ones((1, 3, 4), dtype=torch.int64)
    trace(
        model,
        (features, pieces),
        path,
        inputs=["features", "pieces"],
        outputs=["chances", "length"],
        free={
            "features": {1: "sentences"},
            "pieces": {1: "sentences", 2: "pieces"},
            "chances": {1: "sentences"},
        },
    )


@torch.no_grad()
def trained_scores(model: RankerModel, tokens: TextTokens, texts: Sequence[str]) -> NDArray[np.float32]:
    """Shares of the trained model's chances, as `SentenceRanker.scores` gives them."""
    rows = np.zeros((len(texts), MAX_SENTENCES), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        given = model_inputs(read_article(text), tokens)
        chances, _ = model(torch.from_numpy(given["features"]), torch.from_numpy(given["pieces"]))
        row[: chances.shape[1]] = (chances[0] / chances[0].sum()).numpy()
    return rows
