"""What the command line puts into moto's S3, and how it reads reports by the thousand."""

import boto3
import pytest
from moto import mock_aws

from dataset_records import TASK, upload_report
from infolens import codec
from infolens.contracts.dataset import UploadRef
from infolens.ingest.identity import upload_id_of
from infolens_cli import dead_letters, reports, uploading
from infolens_cli.stack import Stack

STACK = Stack("uploads", "data", "models", "mt", "rt", "ot", "p-", "arn:t", "arn:r", "http://api", "key")


@pytest.fixture
def s3(monkeypatch):
    """Versioned buckets, and transfers in pieces of the smallest size that S3 takes."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(uploading, "PIECE_BYTES", 5 << 20)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in ("uploads", "data"):
            client.create_bucket(Bucket=bucket)
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.mark.parametrize("size", [100, (5 << 20) - 1, 5 << 20, 12 << 20])
def test_an_upload_is_known_by_the_version_that_it_made(s3, tmp_path, size):
    """In one piece or in several; the id is the one that ingest computes, and every byte is counted."""
    file = tmp_path / "rows.csv"
    file.write_bytes(b"x" * size)
    seen = []
    put = uploading.put(s3, STACK, TASK, file, batch=False, seen=seen.append)
    found = s3.get_object(Bucket="uploads", Key=put.key, VersionId=put.version)
    assert found["Body"].read() == b"x" * size
    assert put.upload_id == upload_id_of(UploadRef("uploads", put.key, put.version))
    assert sum(seen) == size
    assert ("-" in found["ETag"]) == (size >= 5 << 20)  # an object of several pieces says so in its etag


@pytest.mark.parametrize("size", [100, 12 << 20])
def test_a_replay_copies_the_bytes_and_names_the_old_upload(s3, size):
    """On the server's side, whatever the size."""
    key = f"quarantine/{TASK}/abc/rows.csv"
    s3.put_object(Bucket="data", Key=key, Body=b"x" * size)
    put = uploading.put_again(s3, STACK, uploading.Quarantined(TASK, "abc", key), TASK)
    found = s3.get_object(Bucket="uploads", Key=f"labelled/{TASK}/rows.csv", VersionId=put.version)
    assert found["Metadata"] == {"infolens-replay-of": "abc"}
    assert found["Body"].read() == b"x" * size


def test_reports_are_read_over_several_pages(s3):
    """S3 lists a thousand at a time; the texts beside the records and other tasks are passed over."""
    for number in range(1005):
        report = upload_report(upload_id=f"{number:04d}")
        s3.put_object(Bucket="data", Key=f"reports/{TASK}/{number:04d}.json", Body=codec.to_json(report))
    s3.put_object(Bucket="data", Key=f"reports/{TASK}/0000.txt", Body=b"text")
    s3.put_object(Bucket="data", Key="reports/toxicity/t.json", Body=codec.to_json(upload_report()))
    told = []
    found = reports.read(s3, "data", [TASK], None, lambda done, of: told.append((done, of)))
    assert len({one.report.upload_id for one in found.files}) == 1005
    assert found.unreadable == 0
    assert told[-1] == (1005, 1005)


def test_looking_at_a_real_queue_takes_nothing_away(s3):
    """Twice in a row everything is there, also what was sent back and forth."""
    sqs = boto3.client("sqs", region_name="us-east-1")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 3}}'
    source = sqs.create_queue(QueueName="labelled", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    for number in range(23):
        sqs.send_message(QueueUrl=dead, MessageBody=str(number))
    for _ in range(2):
        with dead_letters.held(sqs, "labelled", dead) as letters:
            assert sorted(int(letter.body) for letter in letters) == list(range(23))
            assert dead_letters.elsewhere(sqs, dead) == 23
    assert dead_letters.elsewhere(sqs, dead) == 0
    with dead_letters.held(sqs, "labelled", dead) as letters:
        for letter in letters[:3]:
            dead_letters.send_again(sqs, letter, dead, dead_letters.source_url(sqs, dead))
    with dead_letters.held(sqs, "labelled", dead) as letters:
        assert len(letters) == 20
    counted = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "3"
