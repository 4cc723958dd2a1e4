"""Turns a trained BART into the bundle that is served: two ONNX graphs, int8, tokenizer, manifest."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import numpy as np
import onnx
import torch

from infolens.ml.encoder_decoder import (
    DECODER_FILE,
    ENCODER_FILE,
    PREDICTOR,
    PROBE_BUCKETS,
    PROBE_TOKENS,
    TOKENIZER_FILE,
    folded,
    open_tokens,
)
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder, write_encoder
from infolens.ml.training.bundle_writing import describe_bundle, write_reference
from infolens.ml.training.crossing_int8 import CALIBRATION_ROWS, crossing_scales, give_int8, take_int8
from infolens.ml.training.decoder_int8 import decoder_to_int8
from infolens.ml.training.in_place_caches import caches_in_place
from infolens.ml.training.onnx_export import quantise
from infolens.ml.training.quantisation import exact_bundle, finish_exact, keep_unquantised
from infolens.ml.training.seq2seq_model import Seq2SeqRecord, load
from infolens.ml.training.static_int8 import spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from transformers import BartForConditionalGeneration

    from infolens.ml.tokens import TextTokens
    from infolens.ml.training.crossing_int8 import Scales
    from infolens.ml.training.job import ExportJob

REFERENCE_ROWS = 100
"""Rows that parity is checked on. An article of 1024 tokens takes half a second on a CPU, twice over."""


def export_seq2seq(
    job: ExportJob,
    rows: Sequence[Mapping[str, object]],
    learned: Sequence[Mapping[str, object]] = (),
    *,
    int8: bool = True,
) -> str:
    """Write `bundle/`, `exact/` and reference.json below `job.output` and return the bundle's digest.

    Args:
        job: where the trained model is and where the bundle goes.
        rows: held-out rows with "text"; the first REFERENCE_ROWS become the reference.
        learned: rows with "text" that the model was trained on; some of them say in which range the decoder's keys and
            values of an article lie. Without any these stay in 32 bits.
        int8: quantise the weights; 32 bits are for comparing graphs with the model they were made from.

    Raises:
        TrainingError: there is no trained encoder-decoder.
    """
    model, record = load(job.model)
    bundle = job.output / "bundle"
    bundle.mkdir(parents=True)
    exact = exact_bundle(job.output) if int8 else bundle
    tokens = open_tokens(job.model / TOKENIZER_FILE, record.max_input)
    write_encoder(model, exact / ENCODER_FILE)
    write_decoder(model, exact / DECODER_FILE)
    if int8:
        texts = [tokens.ids(str(row["text"])) for row in spread(learned, CALIBRATION_ROWS)]
        crossing = crossing_scales(exact / ENCODER_FILE, texts)
        for name in (ENCODER_FILE, DECODER_FILE):
            to_int8(exact / name, bundle / name, crossing)
    shutil.copyfile(job.model / TOKENIZER_FILE, bundle / TOKENIZER_FILE)
    digest = describe_bundle(
        bundle,
        record,
        PREDICTOR,
        {
            "max_input": record.max_input,
            "decoder": asdict(decoder_shape(model)),
            "rules": asdict(record.rules),
        },
    )
    if int8:
        finish_exact(job.output)
    else:
        keep_unquantised(job.output, "asked for")
    inputs = [{"text": str(row["text"])} for row in rows[:REFERENCE_ROWS]]
    scores = trained_scores(model, tokens, record, [item["text"] for item in inputs])
    write_reference(job.output, inputs, scores.tolist())
    return digest


def to_int8(exact: Path, path: Path, crossing: Scales | None = None) -> None:
    """Quantise the weights of either graph to int8; activations are quantised as they come.

    The encoder sees a whole text at once: one scale per output channel, one for a layer's activations. The decoder is
    another matter, see `decoder_int8`; it writes its caches in place.

    Args:
        exact: the graph in fp32.
        path: where the int8 file goes.
        crossing: scales with which keys and values of the cross attention pass from one graph to the other in eight
            bits, the same for both; without any they do so in 32.
    """
    model = onnx.load(exact)
    if "tokens" in {given.name for given in model.graph.input}:
        if crossing:
            take_int8(model, crossing)
        caches_in_place(model)
        decoder_to_int8(model, path)
    else:
        if crossing:
            give_int8(model, crossing)
        # The embeddings are looked up, not multiplied: they are quantised too (Gather), 115 MB less for bart-base.
        quantise(model, path, ["MatMul", "Gemm", "Gather"])


@torch.no_grad()
def trained_scores(
    model: BartForConditionalGeneration, tokens: TextTokens, record: Seq2SeqRecord, texts: Sequence[str]
) -> NDArray[np.float32]:
    """Scores of the trained model, as `EncoderDecoder.scores` gives them, but from transformers' own forward pass."""
    rows = np.zeros((len(texts), PROBE_BUCKETS), dtype=np.float32)
    for at, text in enumerate(texts):
        ids = tokens.ids(text).tolist()
        given = torch.tensor([[record.rules.start_id, *ids[:PROBE_TOKENS]]])
        logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=given, use_cache=False).logits
        rows[at] = folded(cast("NDArray[np.float32]", logits[0, -1].numpy()))
    return rows
