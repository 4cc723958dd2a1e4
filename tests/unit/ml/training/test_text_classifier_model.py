"""A trained model is read back exactly as it was written, or not at all."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from infolens.ml.training.job import TrainingError
from infolens.ml.training.text_classifier_model import (
    EncoderSize,
    PhraseModel,
    Phrases,
    Shape,
    TextClassifierModel,
    TrainingRecord,
    load,
    pretrained,
    pretrained_directory,
    save,
    small_encoder,
)
from ml_fakes import LABELS, PROVENANCE, tiny_model

IDS = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def test_round_trip(tmp_path):
    """Labels, limits and provenance survive, and the weights give the same logits."""
    directory = tiny_model(tmp_path)
    model, tokens, record = load(directory)
    again, _, _ = load(directory)
    assert record.provenance == PROVENANCE
    assert (record.shape.labels, record.shape.max_tokens, record.shape.direct) == (LABELS, 16, True)
    assert tokens.ids("ferry").tolist()[0] == 2
    assert torch.equal(model(IDS, MASK), again(IDS, MASK))


def test_padding_changes_nothing(tmp_path):
    """A row's logits are the same with and without padding behind it."""
    model, _, _ = load(tiny_model(tmp_path))
    assert torch.allclose(model(IDS, MASK)[1], model(IDS[1:, :3], MASK[1:, :3])[0], atol=1e-6)


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_weights_must_fit_exactly(tmp_path, change):
    """A missing or foreign weight is an error; filled with random numbers it would answer nonsense and say nothing."""
    directory = tiny_model(tmp_path)
    weights = load_file(directory / "model.safetensors")
    if change == "missing":
        del weights["head.bias"]
    else:
        weights["head.more"] = torch.ones(1)
    save_file(weights, directory / "model.safetensors")
    with pytest.raises(RuntimeError, match=r"head\.(bias|more)"):
        load(directory)


def test_no_model(tmp_path):
    """An empty folder is refused with its name."""
    with pytest.raises(TrainingError, match=r"no training\.json"):
        load(tmp_path)


def test_a_package_that_carries_a_model(tmp_path):
    """A directory is taken as it is, or by its folder model/."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert pretrained_directory(str(tmp_path)) == str(tmp_path / "model")
    assert pretrained_directory(str(tmp_path / "model")) == str(tmp_path / "model")


def test_a_hub_id_is_left_to_transformers():
    """What is no directory is a hub id."""
    assert pretrained_directory("distilbert-base-uncased") == "distilbert-base-uncased"


def test_a_directory_without_a_model(tmp_path):
    """A wrong path is refused here, before transformers takes it for a hub id."""
    with pytest.raises(TrainingError, match="base-model"):
        pretrained_directory(str(tmp_path))
    with pytest.raises(TrainingError, match="base-model"):
        pretrained(str(tmp_path / "nowhere"))


def test_encoder_families():
    """Both families are there in any size; another name is refused with those that are known."""
    for family in ("distilbert", "xlnet"):
        encoder = small_encoder(EncoderSize(dim=16, layers=1, heads=2, family=family), 60, 16, dropout=0.1)
        assert (encoder.config.model_type, encoder.config.hidden_size) == (family, 16)
    with pytest.raises(TrainingError, match="'bird' is none of distilbert, xlnet"):
        small_encoder(EncoderSize(dim=16, layers=1, heads=2, family="bird"), 60, 16, dropout=0.1)


def classifier(*, direct, phrases):
    """An untrained model whose encoder reads four tokens of up to sixteen."""
    torch.manual_seed(0)
    shape = Shape(LABELS, max_tokens=16, direct=direct, encoder_tokens=4, phrases=phrases)
    encoder = small_encoder(EncoderSize(dim=16, layers=1, heads=2, family="xlnet"), 60, 4, dropout=0.0)
    model = TextClassifierModel(encoder, shape, dropout=0.0).eval()
    if model.phrases is not None:
        torch.nn.init.normal_(model.phrases.linear.weight)
    return model


@pytest.mark.parametrize(
    ("direct", "phrases", "reads_on"),
    [(False, None, False), (True, None, True), (False, Phrases(longest=2, buckets=128), True)],
)
def test_what_reads_past_the_encoder(direct, phrases, reads_on):
    """The encoder stops at its tokens; the mean of the words and the phrases go on to the end."""
    model = classifier(direct=direct, phrases=phrases)
    ids = torch.tensor([[2, 7, 8, 9, 10, 3], [2, 7, 8, 9, 11, 3]])
    first, second = model(ids, torch.ones_like(ids))
    assert torch.equal(first, second) is not reads_on


def test_phrases_survive_the_file(tmp_path):
    """Weights and rarity of the phrases, and how far the encoder reads, come back with the model."""
    tiny_model(tmp_path)  # for its tokenizer
    written = classifier(direct=True, phrases=Phrases(longest=2, buckets=128))
    written.phrases.rarity.fill_(2.0)
    shape = Shape(LABELS, max_tokens=16, direct=True, encoder_tokens=4, phrases=Phrases(longest=2, buckets=128))
    save(tmp_path, written, TrainingRecord(PROVENANCE, shape, {}, {}))
    model, _, record = load(tmp_path)
    assert record.shape == shape
    assert torch.equal(model.phrases.rarity, written.phrases.rarity)
    assert torch.equal(model(IDS, MASK), written(IDS, MASK))


def test_tokens_and_pairs_are_counted():
    """Each token falls into the bucket of its id, each pair into one of its own; padding counts for nothing."""
    model = PhraseModel(Phrases(longest=2, buckets=1_024), labels=2)
    ids = torch.tensor([[2, 7, 7, 3, 0, 0]])
    counts = model.counts(ids, torch.tensor([[1, 1, 1, 1, 0, 0]]))[0]
    assert counts[[2, 7, 3]].tolist() == [1.0, 2.0, 1.0]
    assert counts.sum() == 4 + 3
    assert int((counts > 0).sum()) == 6  # 2, 7, 3 and the pairs 2 7, 7 7, 7 3
    turned = model.counts(torch.tensor([[2, 3, 7, 7, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]]))[0]
    assert not torch.equal(counts, turned)  # order tells
    assert torch.equal(counts, model.counts(ids[:, :4], torch.ones(1, 4, dtype=torch.int64))[0])


def test_large_ids_do_not_overflow():
    """The largest vocabularies give buckets within range, in phrases of three."""
    model = PhraseModel(Phrases(longest=3, buckets=65_536), labels=2)
    ids = torch.full((1, 2_048), 2**20 - 1)
    assert model.counts(ids, torch.ones_like(ids)).sum() == 2_048 + 2_047 + 2_046


def test_rare_phrases_weigh_more():
    """What every text has weighs one, what one of three has weighs 1 + ln 2; each text's features have length one."""
    model = PhraseModel(Phrases(longest=1, buckets=16), labels=2)
    model.learn_rarity(torch.tensor(ids) for ids in ([2, 7], [2, 8], [2, 8]))
    assert model.rarity[[2, 7]].tolist() == pytest.approx([1.0, 1.6931472])
    features = model.features(torch.tensor([[2, 7, 7]]), torch.ones(1, 3, dtype=torch.int64))
    assert float(features.square().sum()) == pytest.approx(1.0)
