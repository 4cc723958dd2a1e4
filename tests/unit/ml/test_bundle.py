"""A bundle is loaded only when every byte is what its digest says; otherwise the offending file is named."""

import json
from dataclasses import replace

import pytest

from infolens import codec
from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import DigestMismatchError, digest_of, read_manifest, verify, write_manifest

DRAFT = BundleManifest(
    task="news_category",
    predictor="text_classifier",
    run_id="run-1",
    dataset_id="data-1",
    code_version="code-1",
    config={"labels": ["Sports", "Travel"], "max_tokens": 96},
    metrics={"validation_accuracy": 0.8},
    files=(),
)


@pytest.fixture
def bundle(tmp_path):
    """A directory with two files, one of them in a folder."""
    directory = tmp_path / "bundle"
    (directory / "words").mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"weights")
    (directory / "words" / "tokenizer.json").write_bytes(b"{}")
    return directory


def rewritten(directory, change) -> str:
    """Change the manifest's JSON and return the digest of the result."""
    plain = json.loads((directory / "manifest.json").read_bytes())
    change(plain)
    manifest = codec.from_dict(BundleManifest, plain)
    (directory / "manifest.json").write_bytes(codec.to_json(manifest))
    return digest_of(directory)


def test_round_trip(bundle):
    """What was written is read back, with size and sha256 of every file."""
    digest = write_manifest(bundle, DRAFT)
    manifest = verify(bundle, digest)
    assert [file.name for file in manifest.files] == ["model.onnx", "words/tokenizer.json"]
    assert manifest.files[0].size == 7
    assert replace(manifest, files=()) == DRAFT
    assert digest_of(bundle) == digest


def test_equal_bundles_have_equal_digests(bundle):
    """Writing the manifest again, over the first, changes nothing."""
    assert write_manifest(bundle, DRAFT) == write_manifest(bundle, DRAFT)


def test_another_run_has_another_digest(bundle):
    """The digest covers where the bundle comes from, not only its weights."""
    assert write_manifest(bundle, DRAFT) != write_manifest(bundle, replace(DRAFT, run_id="run-2"))


@pytest.mark.parametrize(
    ("spoil", "file", "reason"),
    [
        (lambda d: (d / "model.onnx").write_bytes(b"Weights"), "model.onnx", "sha256"),
        (lambda d: (d / "model.onnx").write_bytes(b"weights!"), "model.onnx", "8 bytes, expected 7"),
        (lambda d: (d / "model.onnx").unlink(), "model.onnx", "is missing"),
        (lambda d: (d / "words" / "more.txt").write_text(""), "words/more.txt", "is not part"),
        (lambda d: (d / "manifest.json").unlink(), "manifest.json", "is missing"),
        (lambda d: (d / "manifest.json").write_text("{}"), "manifest.json", "has digest"),
        (lambda d: (d / "link").symlink_to("/etc/passwd"), "link", "is a link"),
    ],
)
def test_what_is_altered_is_named(bundle, spoil, file, reason):
    """An altered, missing, added or linked file is refused by its name."""
    digest = write_manifest(bundle, DRAFT)
    spoil(bundle)
    with pytest.raises(DigestMismatchError, match=reason) as refusal:
        verify(bundle, digest)
    assert refusal.value.file == file


@pytest.mark.parametrize(
    "name", ["../model.onnx", "/etc/passwd", "words/../../x", "a\\b", "", "./model.onnx", "words//x"]
)
def test_a_manifest_cannot_name_files_outside(bundle, name):
    """A manifest that points outside its bundle is refused before anything is fetched."""
    write_manifest(bundle, DRAFT)
    digest = rewritten(bundle, lambda plain: plain["files"][0].update(name=name))
    with pytest.raises(DigestMismatchError, match="outside"):
        read_manifest((bundle / "manifest.json").read_bytes(), digest)


def test_a_manifest_cannot_describe_itself(bundle):
    """manifest.json among the files would be a digest that can never be right."""
    write_manifest(bundle, DRAFT)
    digest = rewritten(bundle, lambda plain: plain["files"][0].update(name="manifest.json"))
    with pytest.raises(DigestMismatchError, match="itself"):
        read_manifest((bundle / "manifest.json").read_bytes(), digest)


def test_what_is_no_manifest_is_refused(bundle):
    """Bytes with the right digest that are no manifest are refused too."""
    (bundle / "manifest.json").write_bytes(b"[]")
    with pytest.raises(DigestMismatchError, match="no bundle manifest"):
        verify(bundle, digest_of(bundle))
