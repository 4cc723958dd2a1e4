"""Random BARTs that are small, and steps of their decoders over the encoder's outputs of some text."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import BartConfig, BartForConditionalGeneration

from infolens.ml.decoder_steps import DecoderShape, steps_over
from infolens.ml.onnx_session import open_session

TEXT = 11
"""Tokens of the text."""


class Graphs(NamedTuple):
    """Graphs of one model: a folder, and what its decoder looks like."""

    directory: Path
    shape: DecoderShape

    def steps(self, name):
        """Steps of the decoder in a file of the folder."""
        shape = self.shape
        crossing = np.random.default_rng(5).normal(size=(4, 1, shape.heads, TEXT, shape.head_size)).astype(np.float32)
        names = [f"cross_{part}_{layer}" for layer in range(2) for part in ("key", "value")]
        session = open_session(self.directory / f"{name}.onnx", 1)
        return steps_over(session, shape, dict(zip(names, crossing, strict=True)))


def random_bart(vocabulary, width):
    """A BART of two decoder layers with weights so large that its tokens differ."""
    torch.manual_seed(4)
    config = BartConfig(
        vocab_size=vocabulary,
        d_model=width,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        init_std=0.3,
    )
    return BartForConditionalGeneration(config).eval()
