"""A bundle answers with label, confidence and score; its threshold decides, and nothing of a long comment is unseen."""

import json
from dataclasses import replace

import numpy as np
import pytest

from comment_fakes import BENIGN, LABELS, TOXIC, tiny_bundle
from infolens.ml.bundle import verify
from infolens.ml.comment_classifier import (
    CommentClassifier,
    TokenWindows,
    against_threshold,
    encoding_of,
    load,
    probability,
)
from infolens.ml.text_classifier import BundleConfigError
from infolens.ml.training.subwords import train_subwords


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """(directory, manifest) of the tiny model."""
    directory, digest = tiny_bundle(tmp_path_factory.mktemp("bundle"))
    return directory, verify(directory, digest)


def test_answers(bundle):
    """Each comment gets the label on its side of the threshold, a confidence of a half or more, and the score."""
    directory, manifest = bundle
    predictor = load(directory, manifest, threads=1, score="toxicity")
    inputs = [{"text": text} for text in (*TOXIC, *BENIGN)]
    for answer, scores in zip(predictor.predict(inputs), predictor.scores(inputs), strict=True):
        assert list(answer) == ["label_id", "label", "confidence", "toxicity"]
        assert answer["label"] == LABELS[answer["label_id"]]
        assert (answer["toxicity"] >= 0.3) == (answer["label"] == "toxic")
        assert answer["label_id"] == scores.argmax()
        assert answer["confidence"] == pytest.approx(scores.max(), abs=1e-5)
        json.dumps(answer)


def test_nothing_to_answer(bundle):
    """No inputs give no answers and an empty table of scores."""
    predictor = load(*bundle, threads=1, score="toxicity")
    assert predictor.predict([]) == []
    assert predictor.scores([]).shape == (0, 2)


def test_an_answer_does_not_hang_on_its_company(bundle):
    """A comment scores the same alone and among others."""
    predictor = load(*bundle, threads=1, score="toxicity")
    alone = predictor.scores([{"text": TOXIC[0]}])
    among = predictor.scores([{"text": "x " * 500}, {"text": TOXIC[0]}])
    assert alone[0].tolist() == among[1].tolist()


@pytest.mark.parametrize("text", ["", " ", "🙂", "\ud800", "\x00", "\u0627", "9" * 12_000, "a " * 6_000])
def test_odd_texts_are_answered(bundle, text):
    """Nothing, emoji, lone surrogates, other scripts and the longest texts get a finite score."""
    scores = load(*bundle, threads=1, score="toxicity").scores([{"text": text}])
    assert np.isfinite(scores).all()
    assert scores.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "threshold", "toxic"),
    [(0.3, 0.3, 0.5), (0.0, 0.3, 0.0), (1.0, 0.3, 1.0), (0.5, 0.5, 0.5), (0.2, 0.5, 0.2), (0.65, 0.3, 0.8125)],
)
def test_against_threshold(value, threshold, toxic):
    """The threshold becomes a half, the ends stay, and a threshold of a half changes nothing."""
    assert against_threshold(np.array([value]), threshold)[0].tolist() == pytest.approx([1 - toxic, toxic])


@pytest.mark.parametrize(("logit", "value"), [(0.0, 0.5), (1e4, 1.0), (-1e4, 0.0), (np.log(3.0), 0.75)])
def test_probability(logit, value):
    """The logistic function neither overflows nor leaves 0 to 1."""
    assert probability(logit) == pytest.approx(value)


class LastTokenSession:
    """Stands for a model that is alarmed by one token."""

    def run(self, names, feed):
        """Give a high logit to a window that holds the last token of the vocabulary."""
        return [np.array([3.0 if (feed["input_ids"] == feed["input_ids"].max()).sum() > 1 else -3.0])]


class Windows:
    """Three windows, of which one is suspicious."""

    def feeds(self, text):
        """Give the same three for every text."""
        return [{"input_ids": np.array(one)} for one in ([[1, 2]], [[2, 2]], [[1, 3]])]


def test_the_most_suspicious_window_decides():
    """One window of three is enough."""
    predictor = CommentClassifier(LastTokenSession(), Windows(), LABELS, 0.5, "toxicity")
    assert predictor.predict([{"text": "x"}])[0]["label"] == "toxic"


def test_windows_hold_every_token(tmp_path):
    """Windows overlap, and together they hold the text from its first to its last token."""
    train_subwords(["one two three four five six seven eight nine ten"] * 3, 300).save(str(tmp_path / "tokenizer.json"))
    tokens = TokenWindows(tmp_path / "tokenizer.json", tokens=6, overlap=1)
    whole = TokenWindows(tmp_path / "tokenizer.json", tokens=100, overlap=1)
    text = "one two three four five six seven eight nine ten"
    windows = [ids[1:-1].tolist() for ids in tokens.ids(text)]
    joined = windows[0]
    for window in windows[1:]:
        assert window[0] == joined[-1]
        joined = joined + window[1:]
    assert joined == whole.ids(text)[0][1:-1].tolist()
    assert len(tokens.feeds(text)) == len(windows) > 2
    assert [len(ids) for ids in tokens.ids("")] == [2]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"labels": ["one"]}, "two 'labels'"),
        ({"threshold": 1}, "'threshold'"),
        ({"threshold": 0.0}, "'threshold'"),
        ({"threshold": 1.0}, "'threshold'"),
        ({"input": "pixels"}, "known: words, windows"),
        ({"buckets": "many"}, "number 'buckets'"),
        ({"words": True}, "number 'words'"),
    ],
)
def test_a_wrong_config(bundle, change, reason):
    """A bundle whose config lacks something is refused with what it lacks."""
    directory, manifest = bundle
    with pytest.raises(BundleConfigError, match=reason):
        load(directory, replace(manifest, config={**manifest.config, **change}), threads=1, score="toxicity")


def test_another_predictors_bundle(bundle):
    """A text classifier's bundle is not opened as a comment classifier's."""
    directory, manifest = bundle
    with pytest.raises(BundleConfigError, match="'text_classifier'"):
        load(directory, replace(manifest, predictor="text_classifier"), threads=1, score="toxicity")


def test_encodings(tmp_path):
    """A config of windows reads the tokenizer."""
    train_subwords(["one two"] * 3, 50).save(str(tmp_path / "tokenizer.json"))
    assert isinstance(encoding_of({"input": "windows", "tokens": 8, "overlap": 2}, tmp_path), TokenWindows)
