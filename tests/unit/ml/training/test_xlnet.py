"""A pretrained XLNet goes the whole way: loaded through transformers, fine-tuned, exported, int8, equal answers."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModel, PreTrainedTokenizerFast, XLNetConfig, XLNetModel

from infolens.ml.bundle import verify
from infolens.ml.parity import compare
from infolens.ml.text_classifier import load
from infolens.ml.training.job import ExportJob
from infolens.ml.training.text_classifier_export import export_text_classifier, to_int8, to_onnx
from infolens.ml.training.text_classifier_model import EncoderSize, Phrases, Shape, TextClassifierModel, small_encoder
from infolens.ml.training.text_classifier_model import load as load_trained
from infolens.ml.training.text_classifier_training import train_text_classifier
from ml_fakes import LABELS, ROWS, TEXTS, TINY, training_job

SIZE = EncoderSize(dim=16, layers=2, heads=2, family="xlnet")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A directory as `xlnet-base-cased` is one: config, weights, and a tokenizer of unigrams that ends <sep><cls>."""
    directory = tmp_path_factory.mktemp("xlnet-tiny-cased")
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace("``", '"'), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>"]
    tokenizer.train_from_iterator(
        TEXTS * 4,
        trainers.UnigramTrainer(vocab_size=90, special_tokens=special, unk_token="<unk>", show_progress=False),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A:0 <sep>:0 <cls>:2", special_tokens=[("<sep>", 4), ("<cls>", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", cls_token="<cls>", sep_token="<sep>"
    ).save_pretrained(directory)
    torch.manual_seed(0)
    config = XLNetConfig(vocab_size=len(tokenizer.get_vocab()), d_model=16, n_layer=2, n_head=2, d_inner=32)
    XLNetModel(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def fine_tuned(checkpoint, tmp_path_factory):
    """(directory of the fine-tuned model, its validation metrics)."""
    output = tmp_path_factory.mktemp("fine-tuned")
    profile = replace(
        TINY, base_model=str(checkpoint), epochs=30, size=None, word_dropout=0.0, hidden=(("penalty", ""),)
    )
    record = train_text_classifier(training_job(output), profile, LABELS, ROWS, ROWS)
    return output, record


def test_fine_tuning_learns_from_the_checkpoint(checkpoint, fine_tuned):
    """The checkpoint's own weights are where training begins, they move, and the rows are learned."""
    output, record = fine_tuned
    model, tokens, _ = load_trained(output)
    assert record.metrics["validation_accuracy"] == 1.0
    assert model.encoder.config.model_type == "xlnet"
    before = AutoModel.from_pretrained(checkpoint).state_dict()
    after = model.encoder.state_dict()
    assert before.keys() == after.keys()
    moved = {name: float((after[name] - before[name]).abs().max()) for name in before}
    assert 0.0 < max(moved.values()) < 1.0  # fine-tuned: other weights would be of their own size apart
    assert tokens.ids("ferry").tolist()[-2:] == [4, 3]


def test_the_profile_hides_from_a_pretrained_tokenizer_too(fine_tuned):
    """What is hidden never reaches the model."""
    _, tokens, _ = load_trained(fine_tuned[0])
    assert tokens.ids("the penalty kick").tolist() == tokens.ids("the kick").tolist()


def test_exported_xlnet_answers_as_the_trained_one(fine_tuned, tmp_path):
    """The int8 bundle holds parity, its weights are behind integer products, and no weight is left to Einsum."""
    digest = export_text_classifier(ExportJob(fine_tuned[0], tmp_path, tmp_path / "out"), [*ROWS] * 10)
    bundle = tmp_path / "out" / "bundle"
    reference = json.loads((tmp_path / "out" / "reference.json").read_text())
    scores = load(bundle, verify(bundle, digest), threads=1).scores(reference["inputs"])
    report = compare(scores, reference["scores"], digest)
    assert report.mean_difference < 0.02
    assert report.label_flips == 0.0
    graph = onnx.load(bundle / "model.onnx").graph
    constants = {weight.name for weight in graph.initializer}
    assert [node.name for node in graph.node if node.op_type == "Einsum" and constants & set(node.input)] == []
    # q, k, v, o (what r gives is a constant) and two of the feed-forward part in each of two layers
    integer = [node for node in graph.node if node.op_type == "MatMulInteger"]
    assert len(integer) >= 12


def test_weights_in_32_bits_are_positions_alone(fine_tuned, tmp_path):
    """Of all with more than two dimensions, as XLNet's projections are, only the scores of distances stay in fp32."""
    model, _, record = load_trained(fine_tuned[0])
    to_onnx(model, tmp_path / "exact.onnx")
    to_int8(tmp_path / "exact.onnx", tmp_path / "model.onnx")
    floats = [
        list(weight.dims)
        for weight in onnx.load(tmp_path / "model.onnx").graph.initializer
        if weight.data_type == onnx.TensorProto.FLOAT and len(weight.dims) > 2
    ]
    assert floats == [[1, 2, 8, 2 * record.shape.max_tokens]] * 2


@pytest.mark.parametrize("phrases", [None, Phrases(longest=3, buckets=256)])
def test_exact_onnx_is_the_model(tmp_path, phrases):
    """For other shapes than the traced one, and past the encoder's tokens, the logits are the model's."""
    torch.manual_seed(0)
    shape = Shape(LABELS, max_tokens=32, direct=True, encoder_tokens=12, phrases=phrases)
    model = TextClassifierModel(small_encoder(SIZE, 60, 12, dropout=0.1), shape, dropout=0.1)
    if model.phrases is not None:
        torch.nn.init.normal_(model.phrases.linear.weight)
    to_onnx(model, tmp_path / "exact.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "exact.onnx"))
    for texts, length in ((1, 3), (3, 12), (2, 32)):
        ids = np.random.default_rng(0).integers(5, 60, (texts, length))
        mine = session.run(["logits"], {"input_ids": ids})[0]
        with torch.no_grad():
            theirs = model(torch.from_numpy(ids), torch.ones(ids.shape, dtype=torch.int64)).numpy()
        assert np.abs(mine - theirs).max() < 1e-4


def test_phrases_stay_exact(tmp_path):
    """The linear model of phrases is not quantised; the encoder beside it is."""
    torch.manual_seed(0)
    shape = Shape(LABELS, max_tokens=32, direct=True, encoder_tokens=12, phrases=Phrases(longest=2, buckets=256))
    model = TextClassifierModel(small_encoder(SIZE, 60, 12, dropout=0.1), shape, dropout=0.1)
    torch.nn.init.normal_(model.phrases.linear.weight)
    to_onnx(model, tmp_path / "exact.onnx")
    to_int8(tmp_path / "exact.onnx", tmp_path / "model.onnx")
    weights = {w.name: numpy_helper.to_array(w) for w in onnx.load(tmp_path / "model.onnx").graph.initializer}
    expected = model.phrases.linear.weight.detach().numpy()
    assert any(w.shape == (256, 2) and np.array_equal(w, expected.T) for w in weights.values())
    assert any(w.dtype == np.int8 for w in weights.values())
