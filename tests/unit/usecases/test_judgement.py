"""A run is judged by what lies in the bucket; what is missing there refuses."""

import hashlib
from dataclasses import replace

import pytest

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts.evaluation import (
    Direction,
    EvaluationReport,
    Gate,
    ParityGate,
    ParityReport,
    Quantisation,
    Verdict,
)
from infolens.gates import refusals
from infolens.usecases.judgement import Case, judge_run
from infolens.usecases.registration import NotPassedError, Ports, judged_by_gates
from serving_fakes import FakeObjects, FakeRegistry, FakeVersions

PREFIX = "runs/news_category/run-1/"
MANIFEST = b"{}"
DIGEST = hashlib.sha256(MANIFEST).hexdigest()
GATES = (Gate("accuracy", Direction.HIGHER, limit=0.7, max_loss=0.02, min_rows=100, why="S0-39"),)
PARITY_GATE = ParityGate(max_mean_difference=0.02, max_label_flips=0.03, min_rows=30)
CASE = Case("news_category", "run-1", "", GATES, PARITY_GATE)
REPORT = EvaluationReport(
    "news_category",
    "run-1",
    "data-1",
    DIGEST,
    500,
    {"accuracy": 0.8},
    {},
    "",
    {},
    quantisation=Quantisation("", "none"),
)
PARITY = ParityReport(DIGEST, rows=400, mean_difference=0.002, max_difference=0.05, label_flips=0.005)


@pytest.fixture
def objects():
    """A run with all its evidence."""
    objects = FakeObjects()
    objects.data = {
        ("models", f"{PREFIX}export/bundle/manifest.json"): MANIFEST,
        ("models", f"{PREFIX}parity.json"): codec.to_json(PARITY),
        ("models", f"{PREFIX}evaluation/report.json"): codec.to_json(REPORT),
    }
    return objects


def kept(objects) -> Verdict:
    """The verdict as it was written down."""
    return codec.from_json(Verdict, objects.data["models", f"{PREFIX}verdict.json"])


def test_passes(objects):
    """A run with all its evidence in order passes, and the verdict is kept."""
    verdict = judge_run(CASE, objects, "models")
    assert verdict.passed
    assert kept(objects) == verdict


@pytest.mark.parametrize("name", ["export/bundle/manifest.json", "parity.json", "evaluation/report.json"])
def test_missing_evidence(objects, name):
    """Without the bundle, the parity or the report there is a refusal that names what is missing."""
    del objects.data["models", f"{PREFIX}{name}"]
    assert refusals(judge_run(CASE, objects, "models")) == (f"evidence: s3://models/{PREFIX}{name} is missing",)
    assert not kept(objects).passed


@pytest.mark.parametrize("content", [b"", b"{}", b"null"])
def test_unreadable_evidence(objects, content):
    """A report that is cut off or empty refuses."""
    objects.data["models", f"{PREFIX}evaluation/report.json"] = content
    (refusal,) = refusals(judge_run(CASE, objects, "models"))
    assert refusal.startswith("evidence: a report cannot be read")


def test_bundle_changed_after_it_was_judged(objects):
    """The digest is taken from the bundle as it lies there, not from what anybody says it is."""
    objects.data["models", f"{PREFIX}export/bundle/manifest.json"] = b'{"another": 1}'
    (refusal,) = refusals(judge_run(CASE, objects, "models"))
    assert refusal.startswith("bundle digest")


def test_champion_of_the_machine_counts(objects):
    """A report that compares with nobody, where somebody serves, refuses."""
    (refusal,) = refusals(judge_run(replace(CASE, champion_digest="c" * 64), objects, "models"))
    assert refusal.startswith("champion")


def ports(objects) -> Ports:
    """Ports of a registration."""
    return Ports(objects, FakeVersions(), FakeRegistry(), "models", "infolens-predict-")


def test_registration_reads_the_kept_verdict(objects):
    """What registers takes verdict and metrics from the bucket."""
    judge_run(CASE, objects, "models")
    judged = judged_by_gates("news_category", "run-1", ports(objects))
    assert (judged.passed, judged.by, judged.metrics) == (True, "state-machine", {"accuracy": 0.8})
    assert any(reason.startswith("accuracy: 0.8000") for reason in judged.reasons)


def test_registration_of_a_refused_run(objects):
    """A step that was told to register a refused run refuses by itself."""
    judge_run(replace(CASE, gates=()), objects, "models")
    with pytest.raises(NotPassedError, match="the task states no gate"):
        judged_by_gates("news_category", "run-1", ports(objects))


def test_registration_of_a_run_that_nobody_judged(objects):
    """Without a verdict nothing is registered."""
    with pytest.raises(ObjectMissingError):
        judged_by_gates("news_category", "run-1", ports(objects))
