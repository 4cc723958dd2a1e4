"""An int8 decoder writes the same whether its tokens come one by one or together, and stores its embeddings once."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration

from infolens.ml.decoding import DecodingRules, write
from infolens.ml.encoder_decoder import CachedSteps
from infolens.ml.onnx_session import open_session
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder
from infolens.ml.training.onnx_export import quantise
from infolens.ml.training.seq2seq_export import to_int8

VOCABULARY, WIDTH, TEXT = 600, 48, 11
RULES = DecodingRules(2, 2, 24, forced_end=False, no_repeat=2, min_tokens=24)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """A random BART's decoder: exact, as it is served, and with one scale for all tokens of a call."""
    directory = tmp_path_factory.mktemp("decoder")
    torch.manual_seed(4)
    config = BartConfig(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        init_std=0.3,
    )
    model = BartForConditionalGeneration(config).eval()
    write_decoder(model, directory / "exact.onnx")
    to_int8(directory / "exact.onnx", directory / "served.onnx")
    quantise(directory / "exact.onnx", directory / "joint.onnx", ["MatMul", "Gather"])
    return directory, decoder_shape(model)


def steps_of(graphs, name):
    """Steps over the encoder's outputs of some text."""
    directory, shape = graphs
    crossing = np.random.default_rng(5).normal(size=(4, 1, shape.heads, TEXT, shape.head_size)).astype(np.float32)
    names = [f"cross_{part}_{layer}" for layer in range(2) for part in ("key", "value")]
    return CachedSteps(open_session(directory / f"{name}.onnx", 1), shape, dict(zip(names, crossing, strict=True)))


def differences(graphs, name):
    """How far the logits of tokens that are given together are from those of the same tokens given one by one."""
    tokens = np.arange(20, 29, dtype=np.int64)[np.newaxis]
    alone = steps_of(graphs, name)
    single = [alone.next_logits(tokens[:, at : at + 1])[0, 0] for at in range(tokens.shape[1])]
    return np.abs(steps_of(graphs, name).next_logits(tokens)[0] - np.array(single)).max()


def test_no_token_depends_on_its_neighbours(graphs):
    """As served the difference is that of sums in another order; with a scale for the whole call it is not."""
    assert differences(graphs, "exact") < 1e-4
    assert differences(graphs, "served") < 1e-4
    assert differences(graphs, "joint") > 1e-2


def test_lookup_writes_what_greedy_writes(graphs):
    """In int8 too."""
    wanted = write(steps_of(graphs, "served"), RULES)
    assert len(wanted) == RULES.max_tokens
    for article in (wanted, wanted[5:], [*wanted[:9], 3, *wanted[9:]], [7, 8, 9]):
        assert write(steps_of(graphs, "served"), replace(RULES, lookup=6), article) == wanted


def test_near_the_exact_one(graphs):
    """The logits are near those of the exact graph, through the embeddings of tokens from the whole vocabulary."""
    tokens = np.arange(0, VOCABULARY, 40, dtype=np.int64)[np.newaxis]
    exact, served = (steps_of(graphs, name).next_logits(tokens) for name in ("exact", "served"))
    assert np.abs(exact - served).mean() < 0.05 * np.abs(exact).mean()
    assert (exact != served).any()


def test_embeddings_once(graphs):
    """No second matrix of vocabulary times width stands in the file, in bytes or in anything else."""
    graph = onnx.load(graphs[0] / "served.onnx").graph
    large = [one.name for one in graph.initializer if np.prod(one.dims) >= VOCABULARY * WIDTH]
    assert len(large) == 1
