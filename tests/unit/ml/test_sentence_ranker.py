"""A served ranker answers as the trained one: sentences of the article, at most 128 tokens, never nothing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.ml.bundle import digest_of, verify
from infolens.ml.parity import compare
from infolens.ml.sentence_features import MAX_SENTENCES
from infolens.ml.sentences import sentences
from infolens.ml.tokens import TextTokens
from infolens.ml.training.sentence_ranker_export import export_sentence_ranker
from infolens.ml.training.sentence_ranker_training import train_sentence_ranker
from infolens.tasks.news_summary.predict import load
from summary_fakes import TINY_RANKER, clean_rows, export_job, training_job

ROWS = clean_rows(80)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A tiny ranker, trained and exported."""
    place = tmp_path_factory.mktemp("ranker")
    train_sentence_ranker(training_job(place), TINY_RANKER, ROWS[:60], ROWS[60:])
    export_sentence_ranker(export_job(place), ROWS[60:])
    return place


@pytest.fixture(scope="module")
def predictor(directory):
    """The bundle as the predict function opens it."""
    bundle = directory / "export" / "bundle"
    return load(bundle, verify(bundle, digest_of(bundle)))


def tokens_of(directory, text):
    """How many tokens the bundle's own tokenizer finds, special ones left out."""
    return len(TextTokens(directory / "export" / "bundle" / "tokenizer.json", 10_000).ids(text)) - 2


def summary_of(predictor, text):
    """The one answer's summary."""
    return predictor.predict([{"text": text}])[0]["summary"]


def test_parity(directory, predictor):
    """Scores equal the trained model's up to rounding; every row sums to one, with zeros behind the last sentence."""
    reference = json.loads((directory / "export" / "reference.json").read_text())
    scores = predictor.scores(reference["inputs"])
    assert scores.shape == (20, MAX_SENTENCES)
    assert scores.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    report = compare(scores, reference["scores"], "digest")
    assert report.max_difference < 1e-5
    assert report.label_flips == 0.0


def test_answers_are_sentences_of_the_article(predictor):
    """The summary is the sentences that the answer names, in the article's order."""
    for row, answer in zip(ROWS, predictor.predict(ROWS), strict=True):
        found = sentences(row["text"])
        assert answer["kind"] == "extracted"
        assert answer["summary"] == " ".join(found[at] for at in answer["sentences"])
        assert answer["sentences"] == sorted(answer["sentences"])
        json.dumps(answer)


def test_the_headline_is_no_sentence(predictor):
    """The first paragraph without a mark is never part of a summary."""
    assert all(0 not in answer["sentences"] for answer in predictor.predict(ROWS))


def test_one_sentence(predictor):
    """A text of one sentence is its own summary."""
    assert summary_of(predictor, "The ferry line buys nine boats for four million crowns.") == (
        "The ferry line buys nine boats for four million crowns."
    )


def test_headline_alone(predictor):
    """A text of one line without a mark is its own summary, too."""
    assert summary_of(predictor, "Millions for boats") == "Millions for boats"


@pytest.mark.parametrize(
    "text",
    [
        "boats " * 2_000,
        "unpronounceable" * 800,
        "今天下雨" * 3_000,
        "ferry, " * 1_700,
        "\U0001f600" * 3_000,
        "a.b" * 4_000,
    ],
    ids=["words", "one word", "Chinese", "commas", "emoji", "dots"],
)
def test_no_sentence_marks(directory, predictor, text):
    """A text without sentence marks gets a beginning of a summary's size: 128 tokens at most, and something."""
    summary = summary_of(predictor, text)
    assert 0 < tokens_of(directory, summary) <= 128
    assert summary.removesuffix("…")[:4] == text[:4]


def test_equal_texts_equal_answers(predictor):
    """What stands beside a text changes nothing."""
    both = predictor.predict(ROWS[:2])
    assert predictor.predict(ROWS[1:2]) == both[1:]
    assert predictor.predict([]) == []


@given(st.text(min_size=1, max_size=300).filter(lambda text: any(map(str.isalnum, text))))
@settings(max_examples=150, deadline=None)
def test_any_text(directory, predictor, text):
    """Whatever the characters are: an answer, not empty, at most 128 tokens, and finite scores."""
    summary = summary_of(predictor, text)
    assert summary.strip()
    assert tokens_of(directory, summary) <= 128
    assert np.isfinite(predictor.scores([{"text": text}])).all()
