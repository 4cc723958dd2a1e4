"""An int8 decoder writes the same whether its tokens come one by one or together, and stores its embeddings once."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from infolens.ml.decoding import DecodingRules, write
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder
from infolens.ml.training.onnx_export import quantise
from infolens.ml.training.seq2seq_export import to_int8
from random_bart import Graphs, random_bart

VOCABULARY, WIDTH = 600, 48
RULES = DecodingRules(2, 2, 24, forced_end=False, no_repeat=2, min_tokens=24)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """A random BART's decoder: exact, as it is served, and with one scale for all tokens of a call."""
    directory = tmp_path_factory.mktemp("decoder")
    model = random_bart(VOCABULARY, WIDTH)
    write_decoder(model, directory / "exact.onnx")
    to_int8(directory / "exact.onnx", directory / "served.onnx")
    quantise(directory / "exact.onnx", directory / "joint.onnx", ["MatMul", "Gather"])
    return Graphs(directory, decoder_shape(model))


def differences(graphs, name):
    """How far the logits of tokens that are given together are from those of the same tokens given one by one."""
    tokens = np.arange(20, 29, dtype=np.int64)[np.newaxis]
    alone = graphs.steps(name)
    single = [alone.next_logits(tokens[:, at : at + 1])[0, 0] for at in range(tokens.shape[1])]
    return np.abs(graphs.steps(name).next_logits(tokens)[0] - np.array(single)).max()


def test_no_token_depends_on_its_neighbours(graphs):
    """As served the difference is that of sums in another order; with a scale for the whole call it is not."""
    assert differences(graphs, "exact") < 1e-4
    assert differences(graphs, "served") < 1e-4
    assert differences(graphs, "joint") > 1e-2


def test_lookup_writes_what_greedy_writes(graphs):
    """In int8 too."""
    wanted = write(graphs.steps("served"), RULES)
    assert len(wanted) == RULES.max_tokens
    for article in (wanted, wanted[5:], [*wanted[:9], 3, *wanted[9:]], [7, 8, 9]):
        assert write(graphs.steps("served"), replace(RULES, lookup=6), article) == wanted


def test_near_the_exact_one(graphs):
    """The logits are near those of the exact graph, through the embeddings of tokens from the whole vocabulary."""
    tokens = np.arange(0, VOCABULARY, 40, dtype=np.int64)[np.newaxis]
    exact, served = (graphs.steps(name).next_logits(tokens) for name in ("exact", "served"))
    assert np.abs(exact - served).mean() < 0.05 * np.abs(exact).mean()
    assert (exact != served).any()


def test_embeddings_once(graphs):
    """No second matrix of vocabulary times width stands in the file, in bytes or in anything else."""
    graph = onnx.load(graphs.directory / "served.onnx").graph
    large = [one.name for one in graph.initializer if np.prod(one.dims) >= VOCABULARY * WIDTH]
    assert len(large) == 1
