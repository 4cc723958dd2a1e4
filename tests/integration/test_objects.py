"""Objects in S3 are read, and written once, against moto, which enforces conditional writes."""

import http.client
import io

import boto3
import pytest
import urllib3
from botocore.response import StreamingBody
from moto import mock_aws

from infolens.aws.objects import ObjectMissingError, S3Objects, WriteRefusedError, split_uri

BUCKET = "data"


@pytest.fixture
def store(monkeypatch):
    """An empty versioned bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield S3Objects(s3)


def test_what_was_written_is_read(store) -> None:
    """Bytes come back, whole and as a stream, with the etag that conditional writes need."""
    etag = store.write(BUCKET, "a", b"one")
    assert store.read(BUCKET, "a").data == b"one"
    assert store.read(BUCKET, "a").etag == etag
    assert store.open(BUCKET, "a").read() == b"one"


def test_a_stream_can_be_asked_again_at_its_end() -> None:
    """A text reader looks once more after the last byte; what boto3's body gives to `with` is closed by then."""

    class Connection:
        def makefile(self, *_):
            return io.BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\nb")

    class OneObject:
        def get_object(self, **_):
            answer = http.client.HTTPResponse(Connection())
            answer.begin()
            return {"Body": StreamingBody(urllib3.HTTPResponse(body=answer, preload_content=False), 3), "ETag": '"e"'}

    with S3Objects(OneObject()).open(BUCKET, "a") as stream:
        reader = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8")
        assert [reader.readline() for _ in range(4)] == ["a\n", "b", "", ""]


def test_a_missing_object_is_said_to_be_missing(store) -> None:
    """The adapter's error, not boto3's."""
    with pytest.raises(ObjectMissingError, match="s3://data/nothing"):
        store.read(BUCKET, "nothing")


def test_only_the_first_create_takes_effect(store) -> None:
    """If-None-Match: the second writer learns that it was second, and the bytes stay."""
    assert store.create(BUCKET, "a", b"first") is True
    assert store.create(BUCKET, "a", b"second") is False
    assert store.read(BUCKET, "a").data == b"first"


def test_replace_takes_effect_only_over_what_was_read(store) -> None:
    """If-Match: a writer with a stale etag is refused, and nothing is overwritten."""
    stale = store.write(BUCKET, "head", b"1")
    store.replace(BUCKET, "head", b"2", stale)
    with pytest.raises(WriteRefusedError):
        store.replace(BUCKET, "head", b"3", stale)
    assert store.read(BUCKET, "head").data == b"2"


def test_an_old_version_can_be_read_and_copied(store) -> None:
    """A version id reaches what has been overwritten since."""
    store.write(BUCKET, "a", b"old")
    version = boto3.client("s3", region_name="us-east-1").list_object_versions(Bucket=BUCKET)["Versions"][0][
        "VersionId"
    ]
    store.write(BUCKET, "a", b"new")
    store.copy((BUCKET, "a", version), BUCKET, "b")
    assert store.read(BUCKET, "a", version).data == b"old"
    assert store.read(BUCKET, "b").data == b"old"


def test_keys_are_listed_in_order_under_their_prefix(store) -> None:
    """Other prefixes stay out."""
    for key in ("x/2", "x/1", "y/1"):
        store.write(BUCKET, key, b"")
    assert list(store.keys(BUCKET, "x/")) == ["x/1", "x/2"]


def test_a_uri_is_split_into_bucket_and_key() -> None:
    """The key may hold further slashes."""
    assert split_uri("s3://bucket/a/b/") == ("bucket", "a/b/")
