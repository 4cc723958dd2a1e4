"""Objects in S3 are read, and written once, against moto, which enforces conditional writes."""

import http.client
import io

import boto3
import pytest
import urllib3
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody
from moto import mock_aws

from infolens.aws.objects import ObjectMissingError, ObjectReplacedError, S3Objects, WriteRefusedError, split_uri

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


class Connections:
    """Answers with real HTTP responses; the k-th is cut after `cuts[k]` bytes."""

    def __init__(self, data, cuts=()):
        self.data, self.cuts, self.asked = data, list(cuts), []

    def get_object(self, Range="bytes=0-", **which):  # noqa: N803 - boto3's names
        """Serve from an offset to the end."""
        self.asked.append((Range, which.get("IfMatch", "")))
        body = self.data[int(Range.removeprefix("bytes=").rstrip("-")) :]
        sent = body[: self.cuts.pop(0)] if self.cuts else body

        class Socket:
            def makefile(self, *_):
                return io.BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + sent)

        answer = http.client.HTTPResponse(Socket())
        answer.begin()
        raw = urllib3.HTTPResponse(body=answer, preload_content=False)
        return {"Body": StreamingBody(raw, len(body)), "ContentLength": len(body), "ETag": '"e"'}


def test_a_stream_can_be_asked_again_at_its_end() -> None:
    """A text reader looks once more after the last byte; what boto3's body gives to `with` is closed by then."""
    with S3Objects(Connections(b"a\nb")).open(BUCKET, "a") as stream:
        reader = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8")
        assert [reader.readline() for _ in range(4)] == ["a\n", "b", "", ""]


def test_a_broken_connection_is_taken_up_where_it_broke() -> None:
    """Cut in the middle three times, the bytes are whole, and each further request wants the very same object."""
    data = bytes(range(256)) * 8192  # larger than one block
    s3 = Connections(data, cuts=[100, 0, 70_000])
    with S3Objects(s3).open(BUCKET, "a") as stream:
        assert stream.read() == data
    assert s3.asked == [("bytes=0-", ""), ("bytes=100-", '"e"'), ("bytes=100-", '"e"'), ("bytes=70100-", '"e"')]


def test_a_connection_that_breaks_without_end_is_an_error() -> None:
    """After four tries without a byte the reader is told."""
    s3 = Connections(b"abc", cuts=[0, 0, 0, 0])
    with S3Objects(s3).open(BUCKET, "a") as stream, pytest.raises(IncompleteReadError):
        stream.read()
    assert len(s3.asked) == 4


def test_a_stream_is_sought_in_with_ranges(store) -> None:
    """The end first, as a zip is read, then the middle; nothing in between is asked for."""
    store.write(BUCKET, "a", b"0123456789")
    with store.open(BUCKET, "a") as stream:
        assert stream.seekable()
        assert stream.seek(-3, io.SEEK_END) == 7
        assert stream.read() == b"789"
        stream.seek(2)
        assert stream.read(3) == b"234"
        assert stream.seek(2, io.SEEK_CUR) == 7
        assert (stream.read(), stream.read()) == (b"789", b"")


def test_a_range_is_read(store) -> None:
    """As many bytes as there are, none behind the end."""
    store.write(BUCKET, "a", b"0123456789")
    assert [store.read_range(BUCKET, "a", *where) for where in ((2, 3), (8, 5), (10, 1), (3, 0))] == [
        b"234",
        b"89",
        b"",
        b"",
    ]
    with pytest.raises(ObjectMissingError):
        store.read_range(BUCKET, "nothing", 0, 1)


def test_an_object_that_was_written_over_is_not_misread(store) -> None:
    """In a bucket without versions the etag of the event tells: at opening, and between two reads."""
    meant = store.write(BUCKET, "a", b"x" * (3 << 20)).strip('"')  # as an event has it
    with store.open(BUCKET, "a", etag=meant) as stream:
        assert stream.read(1) == b"x"
        store.write(BUCKET, "a", b"y" * (3 << 20))
        stream.seek(2 << 20)
        with pytest.raises(ObjectReplacedError):
            stream.read()
    with pytest.raises(ObjectReplacedError):
        store.open(BUCKET, "a", etag=meant)
    with pytest.raises(ObjectReplacedError):
        store.copy((BUCKET, "a", ""), BUCKET, "b", etag=meant)


def test_facts_of_an_object(store) -> None:
    """Size, etag and what the uploader said, without the bytes."""
    boto3.client("s3", region_name="us-east-1").put_object(
        Bucket=BUCKET, Key="a", Body=b"abc", Metadata={"infolens-replay-of": "u1"}
    )
    facts = store.facts(BUCKET, "a")
    assert (facts.size, facts.etag, facts.metadata) == (3, store.read(BUCKET, "a").etag, {"infolens-replay-of": "u1"})
    with pytest.raises(ObjectMissingError):
        store.facts(BUCKET, "b")


def test_a_file_is_written(store, tmp_path) -> None:
    """From the disk, in parts where it is large; its type is kept."""
    (tmp_path / "f").write_bytes(b"z" * (9 << 20))
    store.write_file(BUCKET, "a", tmp_path / "f", "text/csv")
    assert store.read(BUCKET, "a").data == b"z" * (9 << 20)
    assert boto3.client("s3", region_name="us-east-1").head_object(Bucket=BUCKET, Key="a")["ContentType"] == "text/csv"


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
