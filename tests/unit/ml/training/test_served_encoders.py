"""What is served is the trained encoder: the same numbers, whatever the length, and no part that was forgotten."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from transformers import AutoModel, BertConfig, RobertaConfig

from infolens.ml.training.onnx_export import trace
from infolens.ml.training.served_encoders import PlainEncoder, ServedBert, ServedXlnet, served_encoder
from infolens.ml.training.text_classifier_model import EncoderSize, small_distilbert, small_xlnet

MOST = 24
SIZE = EncoderSize(dim=16, layers=2, heads=2)


def bert() -> nn.Module:
    """A BERT of two layers."""
    config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    return AutoModel.from_config(config, attn_implementation="eager")


def roberta() -> nn.Module:
    """A family that nobody rebuilt."""
    config = RobertaConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    return AutoModel.from_config(config, attn_implementation="eager")


FAMILIES = {
    "distilbert": (lambda: small_distilbert(SIZE, 50, MOST, 0.1), ServedBert),
    "bert": (bert, ServedBert),
    "xlnet": (lambda: small_xlnet(SIZE, 50, MOST, 0.1), ServedXlnet),
}


@pytest.fixture(params=FAMILIES)
def pair(request):
    """(encoder as transformers makes it, as it is served); all weights random, those that begin as nothing too."""
    torch.manual_seed(3)
    make, kind = FAMILIES[request.param]
    encoder = make().eval()
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    served = served_encoder(encoder, MOST).eval()
    assert isinstance(served, kind)
    return encoder, served


@torch.no_grad()
def test_same_states(pair, tmp_path):
    """The rebuilt encoder gives transformers' states, and so does its ONNX file, from one token to the most."""
    encoder, served = pair
    path = tmp_path / "encoder.onnx"
    free = {"input_ids": {0: "texts", 1: "tokens"}, "states": {0: "texts", 1: "tokens"}}
    trace(served, (torch.ones((2, 8), dtype=torch.int64),), path, inputs=["input_ids"], outputs=["states"], free=free)
    session = onnxruntime.InferenceSession(str(path))
    for texts, length in ((1, 1), (1, 7), (3, 2), (1, MOST)):
        ids = torch.from_numpy(np.random.default_rng(length).integers(5, 50, (texts, length)))
        expected = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        assert torch.allclose(served(ids), expected, atol=1e-5)
        assert np.allclose(session.run(None, {"input_ids": ids.numpy()})[0], expected.numpy(), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("family", [*FAMILIES, "plain"])
def test_first_token(family):
    """Where one token is wanted, its state is the one that it has among all, whatever the length."""
    torch.manual_seed(3)
    encoder = (FAMILIES[family][0]() if family in FAMILIES else roberta()).eval()
    served = served_encoder(encoder, MOST, first=True).eval()
    for texts, length in ((1, 1), (3, 9), (1, MOST)):
        ids = torch.from_numpy(np.random.default_rng(length).integers(5, 50, (texts, length)))
        expected = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, :1]
        assert served(ids).shape == expected.shape
        assert torch.allclose(served(ids), expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("first", "tokens"), [(True, 1), (False, 9)])
def test_last_layer_computes_what_is_wanted(first, tokens):
    """The last layer's feed-forward sees one token where one is wanted."""
    served = served_encoder(small_distilbert(SIZE, 50, MOST, 0.1), MOST, first=first).eval()
    seen = []
    for layer in served.layers:
        layer.feed.register_forward_hook(lambda module, given, answer: seen.append(len(answer)))
    served(torch.ones((2, 9), dtype=torch.int64))
    assert seen == [9, tokens]


@torch.no_grad()
def test_no_state_is_put_in_another_order_before_its_product(tmp_path):
    """Heads are read where they lie: one transposition is left in a layer, that of the attention's result."""
    free = {"input_ids": {0: "texts", 1: "tokens"}, "states": {0: "texts", 1: "tokens"}}
    served = served_encoder(small_distilbert(SIZE, 50, MOST, 0.1), MOST).eval()
    example, path = (torch.ones((2, 8), dtype=torch.int64),), tmp_path / "encoder.onnx"
    trace(served, example, path, inputs=["input_ids"], outputs=["states"], free=free)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options)
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("FusedMatMul") == 2 * SIZE.layers
    assert kinds.count("Transpose") <= SIZE.layers + 2  # the ids before, the states after


def test_unknown_families():
    """An encoder that nobody rebuilt is served as it is, with nothing masked."""
    encoder = roberta().eval()
    served = served_encoder(encoder, MOST)
    assert isinstance(served, PlainEncoder)
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(served(ids), encoder(ids, torch.ones_like(ids)).last_hidden_state)


@pytest.mark.parametrize(("name", "value"), [("attn_type", "uni"), ("bi_data", True), ("clamp_len", 4)])
def test_other_xlnets(name, value):
    """An XLNet whose positions mean something else is not taken for the usual one."""
    encoder = small_xlnet(SIZE, 50, MOST, 0.1)
    setattr(encoder.config, name, value)
    assert isinstance(served_encoder(encoder, MOST), PlainEncoder)
