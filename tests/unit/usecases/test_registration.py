"""A bundle is registered once, under its own digest, with the verdict that let it in."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from infolens.contracts.model import ModelRecord
from infolens.ml.bundle import DigestMismatchError
from infolens.usecases.registration import (
    Candidate,
    Judged,
    Ports,
    WrongTaskError,
    register,
    register_by_hand,
    upload_bundle,
)
from serving_fakes import DRAFT, FakeObjects, FakeRegistry, FakeVersions, write_bundle

NOW = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)
EXPORT = "runs/news_category/run-1/export/bundle/"
PASSED = Judged(passed=True, reasons=("accuracy: 0.80",), by="state-machine", metrics={"accuracy": 0.8})


@pytest.fixture
def ports():
    """Empty places."""
    return Ports(FakeObjects(), FakeVersions(), FakeRegistry(), "models", "infolens-predict-")


@pytest.fixture
def digest(ports, tmp_path):
    """Digest of a bundle that lies in a run's export, beside a file that is no part of it."""
    digest = write_bundle(tmp_path / "bundle")
    ports.objects.put_directory("models", EXPORT, tmp_path / "bundle")
    ports.objects.data["models", f"{EXPORT}left-over.onnx"] = b"of an attempt that failed"
    return digest


def home(digest: str) -> str:
    """Where the bundle belongs."""
    return f"bundles/news_category/{digest}/"


def test_registers(ports, digest):
    """The version pins uri, digest, run and dataset, and the record tells all of it."""
    record = register(Candidate("news_category", EXPORT, digest), PASSED, ports, NOW)
    assert ports.versions.published == [
        (
            "infolens-predict-news_category",
            {
                "BUNDLE_URI": f"s3://models/{home(digest)}",
                "BUNDLE_DIGEST": digest,
                "RUN_ID": "run-1",
                "DATASET_ID": "data-1",
            },
            f"bundle {digest[:12]} of run-1",
        )
    ]
    assert record == ModelRecord(
        task="news_category",
        version="1",
        bundle_uri=f"s3://models/{home(digest)}",
        bundle_digest=digest,
        run_id="run-1",
        dataset_id="data-1",
        code_version="c0de",
        metrics={"accuracy": 0.8},
        verdict_passed=True,
        verdict_reasons=("accuracy: 0.80",),
        registered_at="2026-11-20T10:00:00+00:00",
        registered_by="state-machine",
    )
    assert ports.registry.get("news_category", "1") == record


def test_keeps_the_bundle_and_nothing_else(ports, digest):
    """Only the manifest's files are kept, and the manifest is written last: it says that the rest is there."""
    register(Candidate("news_category", EXPORT, digest), PASSED, ports, NOW)
    assert ports.objects.log == [f"{home(digest)}{name}" for name in ("model.onnx", "tokenizer.json", "manifest.json")]


def test_same_digest_again_is_the_same_version(ports, digest):
    """A second registration of the same bytes returns the record that is there, and publishes nothing."""
    first = register(Candidate("news_category", EXPORT, digest), PASSED, ports, NOW)
    again = register(Candidate("news_category", EXPORT, digest), replace(PASSED, by="operator:eve"), ports, NOW)
    assert again == first
    assert len(ports.versions.published) == 1


def test_registration_that_broke_half_way_is_finished(ports, digest):
    """When the process died after copying, the copies are not made again and the rest is done."""
    register(Candidate("news_category", EXPORT, digest), PASSED, ports, NOW)
    ports.registry.records.clear()
    ports.objects.log.clear()
    register(Candidate("news_category", EXPORT, digest), PASSED, ports, NOW)
    assert ports.objects.log == []
    assert ports.registry.find_digest("news_category", digest)


def test_another_bundle_than_the_judged_one(ports, digest):
    """What lies there must be what was judged: another manifest is refused before anything is published."""
    with pytest.raises(DigestMismatchError, match=r"manifest\.json: has digest"):
        register(Candidate("news_category", EXPORT, "f" * 64), PASSED, ports, NOW)
    assert ports.versions.published == []
    assert not list(ports.objects.keys("models", "bundles/"))


def test_altered_home(ports, digest):
    """A manifest under a digest that it does not have is refused, not overwritten."""
    ports.objects.data["models", f"{home(digest)}manifest.json"] = b"{}"
    with pytest.raises(DigestMismatchError, match="is not what its place says"):
        register(Candidate("news_category", EXPORT, digest), PASSED, ports, NOW)
    assert ports.versions.published == []


def test_bundle_of_another_task(ports, digest):
    """A bundle serves the task that it was made for and no other."""
    with pytest.raises(WrongTaskError, match="made for news_category, not for toxicity"):
        register(Candidate("toxicity", EXPORT, digest), PASSED, ports, NOW)
    assert ports.versions.published == []


def test_nothing_recorded_when_publishing_fails(ports, digest):
    """Without a version there is no record."""

    class BrokenVersions:
        def publish(self, function, pins, description):
            raise RuntimeError("no")

    broken = replace(ports, versions=BrokenVersions())
    with pytest.raises(RuntimeError, match="no"):
        register(Candidate("news_category", EXPORT, digest), PASSED, broken, NOW)
    assert ports.registry.records == {}


def test_operator_registers_past_the_gates(ports, tmp_path):
    """A local bundle goes in by hand, and its record says for ever that no gate passed it."""
    digest = write_bundle(tmp_path / "bad", weights=b"slow")
    record = register_by_hand(tmp_path / "bad", "news_category", "eve", ports, NOW)
    assert record.bundle_digest == digest
    assert record.verdict_passed is False
    assert record.verdict_reasons == ("registered past the gates by eve",)
    assert record.registered_by == "operator:eve"
    assert record.metrics == {"accuracy": 0.9}
    assert ports.objects.data["models", f"{home(digest)}model.onnx"] == b"slow"


def test_upload_refuses_a_disturbed_bundle(ports, tmp_path):
    """A local bundle whose weights were changed after its manifest was written does not go up."""
    write_bundle(tmp_path / "bundle")
    (tmp_path / "bundle" / "model.onnx").write_bytes(b"Weights")
    with pytest.raises(DigestMismatchError, match=r"model\.onnx"):
        upload_bundle(tmp_path / "bundle", "news_category", ports.objects, "models")
    assert ports.objects.data == {}


def test_upload_refuses_another_tasks_bundle(ports, tmp_path):
    """An operator who names the wrong task is told so."""
    write_bundle(tmp_path / "bundle", replace(DRAFT, task="fake_news"))
    with pytest.raises(WrongTaskError, match="made for fake_news, not for news_category"):
        upload_bundle(tmp_path / "bundle", "news_category", ports.objects, "models")
    assert ports.objects.data == {}
