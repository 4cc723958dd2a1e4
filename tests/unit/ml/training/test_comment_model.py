"""A model of words means the same in training and as exported, and comes back from its files as it was."""

import pytest
import torch

from comment_fakes import BENIGN, LABELS, PROVENANCE, SHAPE, SIZE, TOXIC, tiny_word_model
from infolens.ml.comment_words import encode_terms, encode_words, words_of
from infolens.ml.training.comment_augmentation import Words
from infolens.ml.training.comment_model import (
    CommentRecord,
    ServedWordModel,
    WindowedTexts,
    WindowModel,
    WindowSize,
    WordModel,
    load,
    save,
)
from infolens.ml.training.comment_training import WordExamples, WordVocabulary
from infolens.ml.training.job import TrainingError
from infolens.ml.training.text_classifier_model import EncoderSize, small_distilbert

TEXTS = (*TOXIC, *BENIGN, "", "one " * 70)


def served_logit(model: WordModel, text: str) -> float:
    """What the exported form says."""
    words = words_of(text)
    arguments = [torch.from_numpy(one) for one in (*encode_words(words, SHAPE), *encode_terms(words, SHAPE))]
    return ServedWordModel(model)(*arguments).item()


def test_training_and_serving_agree(tmp_path):
    """A padded batch in training gives each text's patterns the logit that the text has alone as served."""
    model, _ = load(tiny_word_model(tmp_path))
    assert isinstance(model, WordModel)
    model.terms.zero_()
    model.term_bias.zero_()
    model.term_share = 0.0
    examples = WordExamples(Words([words_of(text) for text in TEXTS], [False] * len(TEXTS)), WordVocabulary(SHAPE))
    with torch.no_grad():
        batch = model(*examples.batch(torch.arange(len(TEXTS)).numpy(), "cpu"))
        alone = [served_logit(model, text) for text in TEXTS]
    assert batch.tolist() == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize(("words", "share"), [(1, 0.5), (20, 0.5), (40, 0.25), (2_000, 0.005)])
def test_the_share_of_terms_falls_with_length(words, share):
    """The linear model has its whole share up to term_words, and then one over the length."""
    found = WordModel(SIZE).mixed(torch.tensor([0.0]), torch.tensor([1.0]), torch.tensor([words]))
    assert found.item() == pytest.approx(share)


def test_files(tmp_path):
    """Weights, terms and record are read back; a directory without them is refused."""
    model, record = load(tiny_word_model(tmp_path / "model", seed=3))
    assert record == CommentRecord(PROVENANCE, LABELS, SIZE, 0.3, {"validation_f1": 0.5}, {"seed": 3})
    save(tmp_path, model, record)
    again, _ = load(tmp_path)
    assert served_logit(again, TOXIC[0]) == served_logit(model, TOXIC[0])
    with pytest.raises(TrainingError, match=r"no training\.json"):
        load(tmp_path / "nothing")


def test_a_missing_weight_is_refused(tmp_path):
    """A model without one of its weights is never served with a random one."""
    model, record = load(tiny_word_model(tmp_path))
    del model.marks
    save(tmp_path, model, record)
    with pytest.raises(RuntimeError, match="marks"):
        load(tmp_path)


def test_the_most_suspicious_window_decides():
    """A text's logit is the highest of its windows."""
    torch.manual_seed(1)
    model = WindowModel(small_distilbert(EncoderSize(dim=8, layers=1, heads=2), 30, 6, dropout=0.0))
    ids = torch.tensor([[5, 6, 7], [8, 9, 10], [11, 12, 13]])
    mask = torch.ones_like(ids)
    with torch.no_grad():
        windows = model(ids, mask)
        texts = WindowedTexts(model)(ids, mask, torch.tensor([0, 0, 1]))
    assert texts.tolist() == [windows[:2].max().item(), windows[2].item()]


def test_files_of_an_encoder(tmp_path):
    """An encoder with its window sizes comes back as it was."""
    torch.manual_seed(1)
    model = WindowModel(small_distilbert(EncoderSize(dim=8, layers=1, heads=2), 30, 6, dropout=0.0))
    save(tmp_path, model, CommentRecord(PROVENANCE, LABELS, WindowSize(6, 2), 0.5, {}))
    again, record = load(tmp_path)
    assert record.size == WindowSize(6, 2)
    ids = torch.tensor([[5, 6, 7]])
    model.eval()
    with torch.no_grad():
        assert again(ids, torch.ones_like(ids)).tolist() == pytest.approx(model(ids, torch.ones_like(ids)).tolist())
