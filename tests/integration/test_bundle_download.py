"""A bundle is handed over only when every byte is what its digest says, against moto's S3."""

import boto3
import pytest
from moto import mock_aws

from infolens.aws.bundles import download
from infolens.aws.objects import ObjectMissingError
from infolens.ml.bundle import DigestMismatchError, verify
from serving_fakes import write_bundle

URI = "s3://models/bundles/news_category/x/"


@pytest.fixture
def s3(monkeypatch):
    """An S3 client with an empty bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="models")
        yield client


@pytest.fixture
def digest(s3, tmp_path):
    """Digest of a bundle that lies in the bucket."""
    digest = write_bundle(tmp_path / "made", weights=b"w" * 3_000_000)
    for path in (tmp_path / "made").iterdir():
        put(s3, path.name, path.read_bytes())
    return digest


def put(s3, name: str, data: bytes) -> None:
    """Put a file of the bundle."""
    s3.put_object(Bucket="models", Key=f"bundles/news_category/x/{name}", Body=data)


@pytest.mark.parametrize("uri", [URI, URI.rstrip("/")])
def test_downloads(s3, digest, tmp_path, uri):
    """The directory holds the bundle, and its manifest is returned."""
    manifest = download(uri, digest, tmp_path / "tmp" / digest, s3)
    assert manifest == verify(tmp_path / "tmp" / digest, digest)
    assert (tmp_path / "tmp" / digest / "model.onnx").stat().st_size == 3_000_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.onnx", b"W" * 3_000_000, r"model\.onnx: has sha256"),
        ("model.onnx", b"w" * 2_999_999, r"model\.onnx: has 2999999 bytes, expected 3000000"),
        ("tokenizer.json", b"{ }", r"tokenizer\.json: has 3 bytes, expected 2"),
        ("manifest.json", b"{}", r"manifest\.json: has digest"),
    ],
)
def test_altered_file(s3, digest, tmp_path, *, name, content, message):
    """One altered byte, a cut file or another manifest is refused by name, and nothing is left to be served."""
    put(s3, name, content)
    with pytest.raises(DigestMismatchError, match=message):
        download(URI, digest, tmp_path / digest, s3)
    assert not (tmp_path / digest).exists()


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx"])
def test_missing_file(s3, digest, tmp_path, name):
    """A bundle that is not all there is said to be missing."""
    s3.delete_object(Bucket="models", Key=f"bundles/news_category/x/{name}")
    with pytest.raises(ObjectMissingError, match=name):
        download(URI, digest, tmp_path / digest, s3)
    assert not (tmp_path / digest).exists()


def test_second_init_in_one_sandbox(s3, digest, tmp_path):
    """A directory that holds the bundle is used again: nothing is fetched."""
    first = download(URI, digest, tmp_path / digest, s3)
    s3.delete_object(Bucket="models", Key="bundles/news_category/x/manifest.json")
    assert download(URI, digest, tmp_path / digest, s3) == first


def test_left_overs_of_a_broken_fetch(s3, digest, tmp_path):
    """What an init phase that was cut off left behind is fetched anew."""
    (tmp_path / digest).mkdir()
    (tmp_path / digest / "model.onnx").write_bytes(b"w" * 100)
    download(URI, digest, tmp_path / digest, s3)
    assert verify(tmp_path / digest, digest)


def test_only_what_the_manifest_names(s3, digest, tmp_path):
    """A file that somebody put beside the bundle does not come along."""
    put(s3, "extra.bin", b"1")
    download(URI, digest, tmp_path / digest, s3)
    assert not (tmp_path / digest / "extra.bin").exists()
