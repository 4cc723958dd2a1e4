"""Files in, reports out."""

import hashlib

from cli_fakes import Objects
from infolens import codec
from infolens.contracts.dataset import Part, UploadRef, UploadReport
from infolens_cli import uploading
from infolens_cli.stack import Stack

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


class S3:
    """Remembers what was put."""

    def __init__(self, answer):
        self.answer, self.put = answer, []

    def put_object(self, Bucket, Key, Body, ContentType):  # noqa: N803 - boto3's names
        """Keep what came."""
        self.put.append((Bucket, Key, Body.read(), ContentType))
        return self.answer


def test_a_labelled_file_keeps_its_name_and_bytes(tmp_path):
    """What an editor sees in the bucket is the file they had."""
    file = tmp_path / "a b+c.csv"
    file.write_bytes(b"title,label\n")
    s3 = S3({"VersionId": "v1", "ETag": '"e"'})
    put = uploading.put(s3, STACK, "news_category", file, batch=False)
    assert s3.put == [("uploads", "labelled/news_category/a b+c.csv", b"title,label\n", "text/csv")]
    wanted = hashlib.sha256(b"uploads/labelled/news_category/a b+c.csv/v1").hexdigest()[:24]
    assert put.upload_id == wanted


def test_a_batch_goes_elsewhere(tmp_path):
    """Rows to answer must never be taken for labelled ones."""
    file = tmp_path / "rows.csv"
    file.write_bytes(b"title\n")
    s3 = S3({"VersionId": "v1", "ETag": '"e"'})
    assert uploading.put(s3, STACK, "news_category", file, batch=True).key == "batch/news_category/rows.csv"


def test_a_bucket_without_versions_is_known_by_its_etag(tmp_path):
    """The identity is the one that ingest computes from the event."""
    file = tmp_path / "rows.csv"
    file.write_bytes(b"title\n")
    assert uploading.put(S3({"ETag": '"e1"'}), STACK, "news_category", file, batch=False).version == "e1"


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
