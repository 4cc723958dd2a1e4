"""The predictor of text classifiers answers in order, alike alone and in company, and refuses foreign bundles."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from infolens.ml.bundle import verify
from infolens.ml.text_classifier import BundleConfigError, load, runs, softmax
from ml_fakes import LABELS, ROWS, TEXTS, tiny_bundle

INPUTS = [{"text": text} for text in TEXTS]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A real int8 bundle of an untrained model."""
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def classifier(bundle):
    """That bundle, opened."""
    return load(bundle[0], verify(*bundle), threads=1)


def test_answers(classifier):
    """Every answer has the id, its label and the probability of that label."""
    answers, scores = classifier.predict(INPUTS), classifier.scores(INPUTS)
    assert len(answers) == len(INPUTS)
    for answer, row in zip(answers, scores, strict=True):
        assert answer["label"] == LABELS[answer["label_id"]]
        assert answer["confidence"] == pytest.approx(row.max(), abs=1e-6)
        assert type(answer["label_id"]) is int
        assert type(answer["confidence"]) is float


def test_scores_are_probabilities(classifier):
    """Scores have a row per input and a column per label, and each row sums to one."""
    scores = classifier.scores(INPUTS)
    assert scores.shape == (4, 2)
    assert scores.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)


def test_company_changes_nothing(classifier):
    """A text gets the same scores alone, in company and after a much longer one, but for the last bit of sums."""
    together = classifier.scores([{"text": "ferry " * 500}, *INPUTS])[1:]
    alone = np.concatenate([classifier.scores([item]) for item in INPUTS])
    assert together == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize("learned", [ROWS, ()])
def test_texts_of_one_length(learned, tmp_path):
    """Texts of one length run together where scales are fixed and one by one where not; each gets its own answer."""
    bundle = tiny_bundle(tmp_path, learned=learned)
    classifier = load(bundle[0], verify(*bundle), threads=1)
    inputs = [{"text": text} for _ in range(5) for text in TEXTS]
    alone = np.concatenate([classifier.scores([item]) for item in inputs])
    counting = Counting(classifier._session)
    classifier._session = counting
    assert np.abs(classifier.scores(inputs) - alone).max() < 1e-6
    of_each = Counter(len(classifier._tokens.ids(item["text"])) for item in inputs)
    assert sorted(counting.texts) == (sorted(of_each.values()) if learned else [1] * 20)


class Counting:
    """A session that notes how many texts each run has."""

    def __init__(self, session):
        """Take the session."""
        self.session, self.texts = session, []

    def run(self, outputs, given):
        """Note, then run."""
        self.texts.append(len(given["input_ids"]))
        return self.session.run(outputs, given)


def test_runs():
    """Texts of one length share a run up to the limit, which one token less than two texts does not reach."""
    assert runs([4, 3, 4, 4, 3], 8) == [[0, 2], [1, 4], [3]]
    assert runs([4, 4], 7) == [[0], [1]]
    assert runs([9, 9], 0) == [[0], [1]]
    assert runs([], 8) == []


def test_no_inputs(classifier):
    """Nothing asked, nothing answered."""
    assert classifier.predict([]) == []
    assert classifier.scores([]).shape == (0, 2)


def test_another_predictors_bundle(bundle):
    """A bundle for another predictor is refused by its name."""
    with pytest.raises(BundleConfigError, match="seq2seq"):
        load(bundle[0], replace(verify(*bundle), predictor="seq2seq"), threads=1)


@pytest.mark.parametrize("missing", ["labels", "max_tokens"])
def test_config_that_lacks_a_key(bundle, missing):
    """A manifest without labels or limit is refused."""
    manifest = verify(*bundle)
    config = {name: value for name, value in manifest.config.items() if name != missing}
    with pytest.raises(BundleConfigError, match=missing):
        load(bundle[0], replace(manifest, config=config), threads=1)


def test_softmax_does_not_overflow():
    """Logits in the thousands give probabilities."""
    assert softmax(np.array([[5000.0, 0.0]], dtype=np.float32)).tolist() == [[1.0, 0.0]]
