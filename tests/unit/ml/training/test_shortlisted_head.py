"""The likeliest tokens get the logits of eight bits, all others those of four, and nothing else of a step changes."""

import numpy as np
import onnx
import pytest
from onnx import helper

from infolens.ml.onnx_session import open_session
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder
from infolens.ml.training.decoder_int8 import decoder_to_int8
from infolens.ml.training.shortlisted_head import SHORTLIST, pays
from random_bart import TEXT, Graphs, random_bart

VOCABULARY, WIDTH = 2048, 48
NEVER = VOCABULARY
"""A shortlist that is too long for the vocabulary."""

KINDS = {"shortlisted": SHORTLIST, "whole": NEVER}


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "biased"])
def graphs(tmp_path_factory, request):
    """The decoder of a random BART: exact, with a shortlist, and with eight bits for the whole vocabulary."""
    directory = tmp_path_factory.mktemp("decoder")
    model = random_bart(VOCABULARY, WIDTH)
    if request.param:
        model.final_logits_bias[0, ::3] = -4.0
    write_decoder(model, directory / "exact.onnx")
    for name, shortlist in KINDS.items():
        decoder_to_int8(onnx.load(directory / "exact.onnx"), directory / f"{name}.onnx", shortlist=shortlist)
    return Graphs(directory, decoder_shape(model))


def logits_of(graphs, name, tokens):
    """Logits after tokens, shape (beams, count), over the encoder's outputs of some text."""
    steps = graphs.steps(name)
    steps.follow([0] * len(tokens))
    return steps.next_logits(tokens)


def graph_of(graphs, name):
    """The graph in a file, and the kinds of its nodes."""
    graph = onnx.load(graphs.directory / f"{name}.onnx").graph
    return graph, [node.op_type for node in graph.node]


def test_the_likeliest_are_in_eight_bits(graphs):
    """Four bits err more; the best tokens of each row show nothing of it, the others do."""
    tokens = np.arange(0, VOCABULARY, 64).reshape(1, 32)
    exact, shortlisted, whole = (logits_of(graphs, name, tokens) for name in ("exact", *KINDS))
    best = np.argsort(-whole, axis=-1)
    errors = {
        kind: [
            float(np.abs(np.take_along_axis(found - exact, places, axis=-1)).mean())
            for places in (best[..., : SHORTLIST // 2], best[..., 4 * SHORTLIST :])
        ]
        for kind, found in (("shortlisted", shortlisted), ("whole", whole))
    }
    assert errors["shortlisted"][0] < 1.2 * errors["whole"][0]
    assert errors["shortlisted"][1] > 1.5 * errors["whole"][1]
    assert (shortlisted.argmax(axis=-1) == whole.argmax(axis=-1)).mean() > 0.9


def test_as_many_as_the_shortlist(graphs):
    """No more tokens than it is long get other logits than four bits give them."""
    head = next(node for node in graph_of(graphs, "shortlisted")[0].node if node.op_type == "ScatterElements")
    model = onnx.load(graphs.directory / "shortlisted.onnx")
    model.graph.output.append(helper.make_tensor_value_info(head.input[0], onnx.TensorProto.FLOAT, None))
    model.graph.output.append(helper.make_tensor_value_info(head.output[0], onnx.TensorProto.FLOAT, None))
    onnx.save(model, graphs.directory / "watched.onnx")
    session = open_session(graphs.directory / "watched.onnx", 1)
    shape = graphs.shape
    given = {
        "tokens": np.array([[5, 6, 7]]),
        "places": np.array([[0, 1, 2]]),
        "seen": np.zeros((1, 1, 3, 3), dtype=np.float32),
    }
    for one in session.get_inputs():
        if one.name not in given:
            length = 0 if one.name.startswith("past") else TEXT
            given[one.name] = np.ones((1, shape.heads, length, shape.head_size), dtype=np.float32)
    coarse, found = session.run([head.input[0], head.output[0]], given)
    changed = (coarse != found).sum(axis=-1)
    assert (changed <= SHORTLIST).all()
    assert (changed > SHORTLIST * 0.9).all()
    lowest = np.sort(coarse, axis=-1)[..., -SHORTLIST]
    assert (coarse[coarse != found] >= np.repeat(lowest, changed[0])).all()


def test_no_token_depends_on_its_neighbours(graphs):
    """Tokens together get the logits that each gets alone, but for sums in another order."""
    tokens = np.array([[40], [900], [40], [2047]])
    together = logits_of(graphs, "shortlisted", tokens)
    alone = np.concatenate([logits_of(graphs, "shortlisted", row[np.newaxis]) for row in tokens])
    assert np.abs(together - alone).max() < 1e-4


def test_embeddings_once(graphs):
    """The matrix stands in the file in eight bits, with the copy in four; no product of all tokens reads the former."""
    graph, kinds = graph_of(graphs, "shortlisted")
    large = sorted(int(np.prod(one.dims)) for one in graph.initializer if np.prod(one.dims) >= VOCABULARY * WIDTH / 2)
    assert large[-1] == VOCABULARY * WIDTH
    assert len(large) == 2
    assert kinds.count("GatherBlockQuantized") == 2
    bits = {helper.get_node_attr_value(node, "bits") for node in graph.node if node.op_type == "MatMulNBits"}
    assert bits == {4, 8}


def test_a_bias_is_kept(graphs, request):
    """A bias of the logits is added to all of them; where there is none, nothing is added."""
    _, kinds = graph_of(graphs, "shortlisted")
    biased = "biased" in request.node.name
    assert kinds[-1] == ("Add" if biased else "ScatterElements")


def test_small_vocabularies_have_none(graphs):
    """From 32 shortlists on there is one."""
    assert pays(32 * SHORTLIST)
    assert not pays(32 * SHORTLIST - 1)
    assert "TopK" in graph_of(graphs, "shortlisted")[1]
    assert "TopK" not in graph_of(graphs, "whole")[1]
