"""Turns a trained sentence ranker into the bundle that is served: ONNX, tokenizer, manifest."""

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
from infolens.ml.sentence_features import FEATURES, MAX_SENTENCES, read_article
from infolens.ml.sentence_ranker import MODEL_FILE, PREDICTOR, TOKENIZER_FILE, model_inputs
from infolens.ml.training.sentence_ranker_model import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from infolens.ml.tokens import TextTokens
    from infolens.ml.training.job import ExportJob
    from infolens.ml.training.sentence_ranker_model import RankerModel

REFERENCE_ROWS = 400
_OPSET = 17


def export_sentence_ranker(job: ExportJob, rows: Sequence[Mapping[str, object]]) -> str:
    """Write `bundle/` and reference.json below `job.output` and return the bundle's digest.

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
    digest = write_manifest(
        bundle,
        BundleManifest(
            task=record.provenance.task,
            predictor=PREDICTOR,
            run_id=record.provenance.run_id,
            dataset_id=record.provenance.dataset_id,
            code_version=record.provenance.code_version,
            config={
                "rules": {
                    "max_tokens": rules.max_tokens,
                    "least_share": rules.least_share,
                    "max_repeated": rules.max_repeated,
                }
            },
            metrics=record.metrics,
            files=(),
        ),
    )
    inputs = [{"text": str(row["text"])} for row in rows[:REFERENCE_ROWS]]
    scores = trained_scores(model, tokens, [item["text"] for item in inputs])
    (job.output / REFERENCE_NAME).write_text(json.dumps({"inputs": inputs, "scores": scores.tolist()}))
    return digest


def to_onnx(model: RankerModel, path: Path) -> None:
    """Trace the model into an ONNX file for one article with free numbers of sentences and pieces."""
    model.eval()
    features, pieces = torch.zeros((1, 3, len(FEATURES))), torch.ones((1, 3, 4), dtype=torch.int64)
    with warnings.catch_warnings():
        # Tracing warns that dynamo would be newer; see text_classifier_export.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (features, pieces),
            str(path),
            input_names=["features", "pieces"],
            output_names=["chances", "length"],
            dynamic_axes={
                "features": {1: "sentences"},
                "pieces": {1: "sentences", 2: "pieces"},
                "chances": {1: "sentences"},
            },
            opset_version=_OPSET,
            dynamo=False,
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
