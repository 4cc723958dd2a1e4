"""What a decoder reads of an article passes in eight bits, and everything else is as exact as before."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from infolens.ml.decoder_steps import steps_over
from infolens.ml.decoding import DecodingRules, write
from infolens.ml.onnx_session import open_session
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder, write_encoder
from infolens.ml.training.crossing_int8 import crossing_scales, give_int8, take_int8
from random_bart import random_bart

VOCABULARY = 90
RULES = DecodingRules(2, 2, 24, forced_end=False, no_repeat=2, min_tokens=24)


def small_bart(width=64):
    """One whose biases and norms are as far from zero and one as its weights are."""
    model = random_bart(VOCABULARY, width)
    for name, values in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(values, std=0.3)
    return model


def articles(count, seed=7):
    """Token ids of texts of several lengths."""
    draw = np.random.default_rng(seed)
    return [draw.integers(3, VOCABULARY, 12 + at) for at in range(count)]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """Both graphs of a BART, exact and with eight bits between them, and the scales."""
    directory = tmp_path_factory.mktemp("crossing")
    model = small_bart()
    write_encoder(model, directory / "encoder.onnx")
    write_decoder(model, directory / "decoder.onnx")
    scales = crossing_scales(directory / "encoder.onnx", articles(6))
    for name, change in (("encoder", give_int8), ("decoder", take_int8)):
        graph = onnx.load(directory / f"{name}.onnx")
        change(graph, scales)
        onnx.save(graph, directory / f"{name}-int8.onnx")
    return directory, decoder_shape(model), scales


def crossing_of(graphs, name, ids):
    """What an encoder graph gives of a text."""
    session = open_session(graphs[0] / f"{name}.onnx", 1)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, {"input_ids": ids[np.newaxis]}), strict=True))


def in_numbers(crossing, scales):
    """Whole numbers times the scales of their channels."""
    return {
        name: (values * scales[name].reshape(values.shape[1], 1, -1)).astype(np.float32)
        for name, values in crossing.items()
    }


def pair(graphs, ids):
    """Steps of the exact decoder over rounded numbers, and of the one that takes them in eight bits."""
    directory, shape, scales = graphs
    crossing = crossing_of(graphs, "encoder-int8", ids)
    exact = steps_over(open_session(directory / "decoder.onnx", 1), shape, in_numbers(crossing, scales))
    return exact, steps_over(open_session(directory / "decoder-int8.onnx", 1), shape, crossing)


def test_rounded_to_half_a_step(graphs):
    """Of texts that scales were found on, every number is within half a step of the exact one."""
    for ids in articles(6):
        exact, rounded = (crossing_of(graphs, name, ids) for name in ("encoder", "encoder-int8"))
        for name, values in in_numbers(rounded, graphs[2]).items():
            assert rounded[name].dtype == np.int8
            step = graphs[2][name].reshape(values.shape[1], 1, -1)
            assert (np.abs(values - exact[name]) <= 0.501 * step).all()
    assert all(values.min() > 0 for values in graphs[2].values())


def test_what_is_larger_is_cut_off(graphs):
    """With scales of a tenth most numbers are the largest or the smallest that there are; none turns round."""
    graph = onnx.load(graphs[0] / "encoder.onnx")
    give_int8(graph, {name: values / 10 for name, values in graphs[2].items()})
    onnx.save(graph, graphs[0] / "narrow.onnx")
    ids = articles(1)[0]
    exact, rounded = (crossing_of(graphs, name, ids) for name in ("encoder", "narrow"))
    for name, values in rounded.items():
        assert (np.abs(values.astype(int)) >= 127).mean() > 0.5
        assert ((exact[name] > 0) == (values > 0))[np.abs(values.astype(int)) > 1].all()


@pytest.mark.parametrize("tokens", [1, 2, 3, 9, 20])
def test_the_decoder_reads_what_they_stand_for(graphs, tokens):
    """Logits are those of the exact decoder over the rounded numbers, for texts shorter than what is asked for, too."""
    ids = articles(1)[0][:tokens]
    given = np.arange(20, 29, dtype=np.int64)[np.newaxis]
    exact, read = pair(graphs, ids)
    assert np.abs(exact.next_logits(given) - read.next_logits(given)).max() < 1e-4
    assert np.abs(exact.next_logits(given[:, :1]) - read.next_logits(given[:, :1])).max() < 1e-4


@pytest.mark.parametrize(
    "rules", [RULES, replace(RULES, lookup=6), replace(RULES, beams=3)], ids=["greedy", "lookup", "beams"]
)
def test_writes_the_same(graphs, rules):
    """Every way of decoding writes what it writes over the exact decoder, with beams that change places."""
    for ids in articles(4, seed=8):
        wanted, found = (write(steps, rules, ids.tolist()) for steps in pair(graphs, ids))
        assert found == wanted
        assert len(found) == RULES.max_tokens


def test_no_token_depends_on_its_neighbours(graphs):
    """Tokens together get the logits that they get one by one."""
    tokens = np.arange(20, 29, dtype=np.int64)[np.newaxis]
    ids = articles(1)[0]
    alone, together = pair(graphs, ids)[1], pair(graphs, ids)[1]
    single = [alone.next_logits(tokens[:, at : at + 1])[0, 0] for at in range(tokens.shape[1])]
    assert np.abs(together.next_logits(tokens)[0] - np.array(single)).max() < 1e-4


def test_nothing_is_copied(graphs):
    """After a step the decoder has handed back the very memory that it was given."""
    steps = pair(graphs, articles(1)[0])[1]
    steps.next_logits(np.array([[5]]))
    graph = steps._graph
    assert set(graph._memory) == set(graphs[2])
    for value, memory in zip(graph._memory.values(), graph._binding.get_outputs(), strict=False):
        assert np.shares_memory(value, memory.numpy())


def test_only_where_it_can_be(graphs, tmp_path):
    """Without rows, and with heads of a size that is no multiple of eight, there are no scales."""
    assert set(graphs[2]) == {f"cross_{part}_{layer}" for layer in range(2) for part in ("key", "value")}
    assert not crossing_scales(graphs[0] / "encoder.onnx", [])
    write_encoder(small_bart(width=48), tmp_path / "encoder.onnx")
    assert not crossing_scales(tmp_path / "encoder.onnx", articles(1))
