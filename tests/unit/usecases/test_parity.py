"""The exported bundle is compared by the predictor that serves, and whatever is wrong with it is a refusal."""

import json
from dataclasses import replace

import numpy as np
import pytest

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts.evaluation import ParityGate, ParityReport
from infolens.ml.bundle import DigestMismatchError
from infolens.usecases.parity import Parity, check_parity
from serving_fakes import DRAFT, FakeObjects, write_bundle

GATE = ParityGate(max_mean_difference=0.02, max_label_flips=0.1, min_rows=3)
SCORES = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
PREFIX = "runs/news_category/run-1/"


class Scorer:
    """A predictor that gives planted scores."""

    def __init__(self, scores):
        self.given = scores
        self.asked = []

    def predict(self, inputs):
        """See Predictor."""
        raise AssertionError("parity asks for scores")

    def scores(self, inputs):
        """See Predictor."""
        self.asked.append(inputs)
        if isinstance(self.given, Exception):
            raise self.given
        return np.array(self.given, dtype=np.float32)


@pytest.fixture
def objects(tmp_path):
    """A finished export: bundle and reference."""
    objects = FakeObjects()
    write_bundle(tmp_path)
    objects.put_directory("models", f"{PREFIX}export/bundle/", tmp_path)
    reference = {"inputs": [{"text": "a"}, {"text": "b"}, {"text": "c"}], "scores": SCORES}
    objects.data["models", f"{PREFIX}export/reference.json"] = json.dumps(reference).encode()
    return objects


def check(objects, outcome, **ids) -> Parity:
    """Check a run whose bundle opens as `outcome`, or raises it."""

    def load(task, uri, digest):
        assert uri == f"s3://models/{PREFIX}export/bundle/"
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    named = {"task": "news_category", "run_id": "run-1", "dataset_id": "data-1"} | ids
    return check_parity(**named, gate=GATE, bucket="models", objects=objects, load=load)


def test_equal_models_pass(objects):
    """The same scores pass, and the report is kept with the bundle's digest."""
    scorer = Scorer(SCORES)
    parity = check(objects, scorer)
    assert parity.passed
    assert parity.reason == (
        "parity rows: 3 inputs compared, at least 3 needed; parity mean difference: 0.0000, at most 0.0200, n=3; "
        "parity label flips: 0.0000, at most 0.1000, n=3"
    )
    report = codec.from_json(ParityReport, objects.data["models", f"{PREFIX}parity.json"])
    assert (report.bundle_digest, report.rows) == (parity.digest, 3)
    assert scorer.asked == [[{"text": "a"}, {"text": "b"}, {"text": "c"}]]


def test_disturbed_weights_are_refused(objects):
    """An export whose probabilities moved and whose answers flip is refused with both figures."""
    parity = check(objects, Scorer([[0.1, 0.9], [0.2, 0.8], [0.6, 0.4]]))
    assert not parity.passed
    assert parity.reason == (
        "parity mean difference: 0.2667, at most 0.0200, n=3; parity label flips: 0.3333, at most 0.1000, n=3"
    )


def test_nan_is_refused(objects):
    """A model that answers NaN is broken, not equal."""
    assert not check(objects, Scorer([[float("nan")] * 2] * 3)).passed


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (DigestMismatchError("model.onnx", "altered"), "bundle digest: model.onnx: altered"),
        (RuntimeError("no such operator"), "the exported bundle fails: RuntimeError: no such operator"),
        (Scorer(RuntimeError("bad shape")), "the exported bundle fails: RuntimeError: bad shape"),
        (
            Scorer([[0.9, 0.1]]),
            "the exported bundle fails: ValueError: scores have shape (1, 2), the reference has (3, 2)",
        ),
    ],
    ids=["digest", "opening", "asking", "shape"],
)
def test_broken_bundles_are_refused(objects, outcome, reason):
    """A bundle that cannot be trusted, opened or asked is refused in words, and leaves no report that could pass."""
    parity = check(objects, outcome)
    assert (parity.passed, parity.reason) == (False, reason)
    assert ("models", f"{PREFIX}parity.json") not in objects.data


@pytest.mark.parametrize("other", [{"task": "toxicity"}, {"run_id": "run-2"}, {"dataset_id": "data-2"}])
def test_bundle_from_elsewhere(tmp_path, objects, other):
    """A bundle whose manifest names another task, run or dataset than the machine's is refused."""
    write_bundle(tmp_path / "other", replace(DRAFT, **other))
    objects.put_directory("models", f"{PREFIX}export/bundle/", tmp_path / "other")
    parity = check(objects, Scorer(SCORES))
    assert not parity.passed
    assert "the manifest names" in parity.reason


@pytest.mark.parametrize("name", ["bundle/manifest.json", "reference.json"])
def test_missing_export(objects, name):
    """An export that wrote nothing is the job's failure and is raised."""
    del objects.data["models", f"{PREFIX}export/{name}"]
    with pytest.raises(ObjectMissingError):
        check(objects, Scorer(SCORES))
