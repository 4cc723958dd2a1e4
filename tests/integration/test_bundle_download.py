"""A bundle is handed over only when every byte is what its digest says, against moto's S3."""

import io

import boto3
import pytest
from botocore.exceptions import ResponseStreamingError
from botocore.response import StreamingBody
from moto import mock_aws

from infolens.aws import bundles
from infolens.aws.bundles import BundleChangedError, BundleCutOffError, download
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


WEIGHTS = 3_000_000
"""Bytes of the bundle's weights: three parts of 2^20 bytes, the last of them short."""


@pytest.fixture
def in_parts(monkeypatch):
    """Files of more than a MiB come in several parts."""
    monkeypatch.setattr(bundles, "PART_BYTES", 1 << 20)


class WatchedS3:
    """A client that notes what it is asked, and does `before` or gives another answer where a test planted one."""

    def __init__(self, s3, before=None, instead=None):
        self.s3 = s3
        self.before = before
        self.instead = instead
        self.asked = []

    def get_object(self, **request):
        """See the boto3 client."""
        self.asked.append(request)
        if self.before:
            self.before(request)
        answer = self.s3.get_object(**request)
        return self.instead(request, answer) if self.instead else answer


class BrokenBody:
    """A body whose connection is lost after some bytes."""

    def iter_chunks(self, size):
        """See botocore's StreamingBody."""
        yield b"w" * 1000
        raise ResponseStreamingError(error="connection lost")


def last_part(request) -> bool:
    """Whether a request asks for the last part of the weights."""
    return request.get("Range", "").endswith("-2999999")


@pytest.mark.usefixtures("in_parts")
def test_large_file_in_parts(s3, digest, tmp_path):
    """Ranges touch and do not overlap; all but the first ask for the very version that the first one has."""
    watched = WatchedS3(s3)
    manifest = download(URI, digest, tmp_path / digest, watched)
    assert manifest == verify(tmp_path / digest, digest)
    weights = [request for request in watched.asked if request["Key"].endswith("model.onnx")]
    assert sorted(request["Range"] for request in weights) == [
        "bytes=0-1048575",
        "bytes=1048576-2097151",
        "bytes=2097152-2999999",
    ]
    etag = s3.head_object(Bucket="models", Key="bundles/news_category/x/model.onnx")["ETag"]
    assert [request.get("IfMatch") for request in weights] == [None, etag, etag]


@pytest.mark.parametrize(("size", "requests"), [(1 << 20, 1), ((1 << 20) + 1, 2)])
@pytest.mark.usefixtures("in_parts")
def test_from_which_size_on(s3, tmp_path, *, size, requests):
    """A file as large as a part comes whole; one more byte makes two parts."""
    digest = write_bundle(tmp_path / "made", weights=b"w" * size)
    for path in (tmp_path / "made").iterdir():
        put(s3, path.name, path.read_bytes())
    watched = WatchedS3(s3)
    assert download(URI, digest, tmp_path / digest, watched) == verify(tmp_path / digest, digest)
    assert sum(request["Key"].endswith("model.onnx") for request in watched.asked) == requests


@pytest.mark.parametrize("at", [0, 1_048_575, 1_048_576, 2_999_999])
@pytest.mark.usefixtures("in_parts")
def test_altered_byte_in_a_part(s3, digest, tmp_path, *, at):
    """One byte that is another one, first or last of any part, is noticed."""
    put(s3, "model.onnx", b"w" * at + b"W" + b"w" * (WEIGHTS - at - 1))
    with pytest.raises(DigestMismatchError, match=r"model\.onnx: has sha256"):
        download(URI, digest, tmp_path / digest, s3)
    assert not (tmp_path / digest).exists()


@pytest.mark.parametrize(("size", "message"), [(WEIGHTS - 1, "has 2999999 bytes"), (WEIGHTS + 1, "has 3000001 bytes")])
@pytest.mark.usefixtures("in_parts")
def test_another_size(s3, digest, tmp_path, *, size, message):
    """A file that is shorter or longer than the manifest says is refused by its first header."""
    put(s3, "model.onnx", b"w" * size)
    with pytest.raises(DigestMismatchError, match=rf"model\.onnx: {message}, expected 3000000"):
        download(URI, digest, tmp_path / digest, s3)
    assert not (tmp_path / digest).exists()


@pytest.mark.usefixtures("in_parts")
def test_replaced_between_two_parts(s3, digest, tmp_path):
    """Parts of two versions are never put together, even of equal bytes' number: the change has its own error."""

    def replace(request):
        if last_part(request):
            put(s3, "model.onnx", b"v" * WEIGHTS)

    with pytest.raises(BundleChangedError, match=r"model\.onnx: was replaced while it was being read"):
        download(URI, digest, tmp_path / digest, WatchedS3(s3, before=replace))
    assert not (tmp_path / digest).exists()


@pytest.mark.parametrize("body", [BrokenBody(), StreamingBody(io.BytesIO(b"w" * 1000), None)])
@pytest.mark.usefixtures("in_parts")
def test_part_that_breaks_off_twice(s3, digest, tmp_path, *, body):
    """A lost connection, or an answer that is too short, is asked for again, twice at most."""
    broken = []

    def cut(request, answer):
        if last_part(request) and len(broken) < 2:
            broken.append(request)
            return {**answer, "Body": body}
        return answer

    download(URI, digest, tmp_path / digest, WatchedS3(s3, instead=cut))
    assert verify(tmp_path / digest, digest)
    assert len(broken) == 2


@pytest.mark.usefixtures("in_parts")
def test_part_that_always_breaks_off(s3, digest, tmp_path):
    """The third time it is an error that says where."""

    def cut(request, answer):
        return {**answer, "Body": BrokenBody()} if last_part(request) else answer

    with pytest.raises(BundleCutOffError, match=r"model\.onnx: 902848 bytes at 2097152 broke off in each of 3 answers"):
        download(URI, digest, tmp_path / digest, WatchedS3(s3, instead=cut))
    assert not (tmp_path / digest).exists()
