"""Files in, reports out."""

import csv
import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli_fakes import Objects
from infolens import codec
from infolens.contracts.dataset import Part, UploadRef, UploadReport
from infolens_cli import uploading
from infolens_cli.stack import Stack
from infolens_cli.trouble import Trouble

STACK = Stack(
    "uploads",
    "data",
    "models",
    "models-table",
    "rollouts-table",
    "observations-table",
    "p-",
    "arn:t",
    "arn:r",
    "http://api",
    "key",
)
REPORT = UploadReport(
    upload_id="abc",
    task="news_category",
    source=UploadRef("uploads", "labelled/news_category/rows.csv", "v1"),
    status="accepted",
    reason="",
    rows_in=3,
    rows_kept=1,
    rows_duplicate=1,
    rows_rejected=1,
    rejected_by_reason={"label is empty": 1},
    label_counts={"Business": 1},
    parts=(Part("p", 1, 1),),
    dataset_id="d" * 64,
)


class Events:
    """botocore's hooks: who wants to hear what S3 answers."""

    def __init__(self):
        self.heard = {}

    def register(self, name, listener):
        """Let somebody listen."""
        self.heard.setdefault(name, []).append(listener)

    def unregister(self, name, listener):
        """Let them go."""
        self.heard[name].remove(listener)

    def emit(self, name, **facts):
        """Tell all who listen."""
        for listener in self.heard.get(name, ()):
            listener(**facts)


class S3:
    """Remembers what was put, and answers as boto3's managed transfers do: only through its hooks."""

    def __init__(self, answer, request="PutObject"):
        self.answer, self.request, self.put, self.meta = answer, request, [], SimpleNamespace(events=Events())

    def upload_file(self, Filename, Bucket, Key, *, ExtraArgs, Callback, Config):  # noqa: N803 - boto3's names
        """Keep what came."""
        data = Path(Filename).read_bytes()
        if Callback:
            Callback(len(data))
        self._made(Bucket, Key, data, ExtraArgs)

    def copy(self, CopySource, Bucket, Key, ExtraArgs, Config):  # noqa: N803 - boto3's names
        """Keep what came."""
        self._made(Bucket, Key, CopySource, ExtraArgs)

    def _made(self, *what):
        self.put.append(what)
        self.meta.events.emit(f"after-call.s3.{self.request}", parsed=self.answer, model=None)


@pytest.fixture
def rows(tmp_path):
    """A file."""
    file = tmp_path / "a b+c.csv"
    file.write_bytes(b"title,label\n")
    return file


def test_a_labelled_file_keeps_its_name_and_bytes(rows):
    """What an editor sees in the bucket is the file they had; its id is the one that ingest computes."""
    s3, seen = S3({"VersionId": "v1", "ETag": '"e"'}), []
    put = uploading.put(s3, STACK, "news_category", rows, batch=False, seen=seen.append)
    assert s3.put == [("uploads", "labelled/news_category/a b+c.csv", b"title,label\n", {"ContentType": "text/csv"})]
    wanted = hashlib.sha256(b"uploads/labelled/news_category/a b+c.csv/v1").hexdigest()[:24]
    assert put.upload_id == wanted
    assert seen == [12]


def test_a_batch_goes_elsewhere(rows):
    """Rows to answer must never be taken for labelled ones."""
    s3 = S3({"VersionId": "v1", "ETag": '"e"'})
    assert uploading.put(s3, STACK, "news_category", rows, batch=True).key == "batch/news_category/a b+c.csv"


@pytest.mark.parametrize("version", [{}, {"VersionId": "null"}])
def test_a_bucket_without_versions_is_known_by_its_etag(rows, version):
    """The identity is the one that ingest computes from the event; a suspended version is none."""
    assert uploading.put(S3({"ETag": '"e1"'} | version), STACK, "news_category", rows, batch=False).version == "e1"


def test_nobody_listens_when_the_upload_is_over(rows):
    """The client is this process's only one; the next upload must not be told of by this one."""
    s3 = S3({"VersionId": "v1"})
    uploading.put(s3, STACK, "news_category", rows, batch=False)
    assert not any(s3.meta.events.heard.values())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rows.csv", "text/csv"),
        ("ROWS.CSV", "text/csv"),
        ("rows.tsv", "text/csv"),
        ("rows.txt", "text/csv"),
        ("rows.csv.gz", "application/gzip"),
        ("rows.tsv.zip", "application/zip"),
        ("rows.zip", "application/zip"),
    ],
)
def test_a_name_tells_the_media_type(name, kind):
    """Whatever ingest takes can be uploaded."""
    assert uploading.content_type(name) == kind


@pytest.mark.parametrize("name", ["rows.xlsx", "rows.gz", "rows", "rows.csv.bz2"])
def test_another_name_is_refused_before_it_is_sent(name):
    """The advice lists what is taken."""
    with pytest.raises(Trouble, match="is no CSV file by its name") as caught:
        uploading.content_type(name)
    assert ".tsv" in caught.value.advice


REFUSED = ("data", "quarantine/news_category/abc123/bad rows.csv")


def test_a_quarantined_file_is_found_by_a_beginning_of_its_id():
    """With the name it had."""
    found = uploading.quarantined(Objects({REFUSED: b""}), STACK, ["crash_risk", "news_category"], "abc")
    assert (found.task, found.upload_id, found.filename) == ("news_category", "abc123", "bad rows.csv")


def test_two_quarantined_files_are_both_named():
    """So that one of them can be chosen."""
    objects = Objects({REFUSED: b"", ("data", "quarantine/unknown/abd/x.csv"): b""})
    with pytest.raises(Trouble, match=r"abc123 \(news_category, bad rows.csv\), abd \(unknown, x.csv\)"):
        uploading.quarantined(objects, STACK, ["news_category", "unknown"], "ab")


def test_an_upload_that_was_taken_cannot_be_replayed():
    """It would only find its own rows; the advice is about its rejects."""
    objects = Objects({("data", "reports/news_category/abc.json"): codec.to_json(REPORT)})
    with pytest.raises(Trouble, match="abc was accepted, so none of it is in quarantine"):
        uploading.quarantined(objects, STACK, ["news_category"], "abc")


def test_an_id_that_nobody_knows_is_said_to_be_none():
    """Neither in quarantine nor reported."""
    with pytest.raises(Trouble, match="no quarantined file has the upload id fff"):
        uploading.quarantined(Objects(), STACK, ["news_category"], "fff")


def test_a_replay_names_the_upload_that_it_repeats():
    """The copy goes where the task's uploads go, and its metadata is all that is new."""
    s3 = S3({"VersionId": "v2", "CopyObjectResult": {"ETag": '"e"'}}, "CopyObject")
    refused = uploading.Quarantined("unknown", "abc123", REFUSED[1])
    put = uploading.put_again(s3, STACK, refused, "news_category")
    source = {"Bucket": "data", "Key": REFUSED[1]}
    metadata = {"Metadata": {"infolens-replay-of": "abc123"}, "MetadataDirective": "REPLACE"}
    assert s3.put == [("uploads", "labelled/news_category/bad rows.csv", source, metadata)]
    assert put.version == "v2"


def test_a_report_is_found_by_a_beginning_of_its_id():
    """Under whichever task it lies; the text beside it is no second one."""
    objects = Objects(
        {
            ("data", "reports/news_category/abc.json"): codec.to_json(REPORT),
            ("data", "reports/news_category/abc.txt"): b"",
        }
    )
    assert uploading.find_report(objects, STACK, ["crash_risk", "news_category"], "ab") == REPORT
    with pytest.raises(Trouble, match="no report of upload b"):
        uploading.find_report(objects, STACK, ["crash_risk", "news_category"], "b")


def test_a_report_is_read_when_it_is_there():
    """None until then."""
    key = ("data", "reports/news_category/abc.json")
    assert uploading.upload_report(Objects(), STACK, "news_category", "abc") is None
    assert uploading.upload_report(Objects({key: codec.to_json(REPORT)}), STACK, "news_category", "abc") == REPORT


def test_a_report_about_an_unknown_task_is_found():
    """Ingest cannot put it under a task that does not exist."""
    key = ("data", "reports/unknown/abc.json")
    assert uploading.upload_report(Objects({key: codec.to_json(REPORT)}), STACK, "weather", "abc") == REPORT


def test_only_the_first_rows_are_read():
    """A reject file of a million rows is not printed."""
    objects = Objects({("data", "r.csv"): b'a,b\r\n1,"x\ny"\r\n2,z\r\n3,z\r\n'})
    assert uploading.rows_of(objects, "data", "r.csv", 2) == [{"a": "1", "b": "x\ny"}, {"a": "2", "b": "z"}]


def test_a_missing_file_has_no_rows():
    """An upload without rejects has no reject file."""
    assert uploading.rows_of(Objects(), "data", "r.csv", 2) == []


def test_a_row_of_megabytes_can_be_shown():
    """The csv module would stop at 128 KiB, and its limit is put back for others."""
    objects = Objects({("data", "r.csv"): b"a,b\r\n" + b"x" * 200_000 + b",2\r\n"})
    csv.field_size_limit(131_072)  # the module's own, which another test of this process may have changed
    assert uploading.rows_of(objects, "data", "r.csv", 2)[0]["b"] == "2"
    assert csv.field_size_limit() == 131_072
