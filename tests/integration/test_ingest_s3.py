"""The function ingest_upload against moto's S3, SQS event shapes and Step Functions: rows in, dataset out, once."""

from __future__ import annotations

import gzip
import io
import json

import boto3
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from infolens import code, tasks
from infolens.aws import clients, ingest_ports
from infolens.settings import settings
from ingest_handlers import UPLOADS, call, load, logged, put, sqs
from pets import PetSchema

DATA = "data"
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:infolens-training"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:infolens-ingest"
PETS = b"text,label,age\npurrs,cat,3\nbarks,dog,\nPurrs,cat,4\nsings,bird,1\n"


@pytest.fixture
def cloud(monkeypatch):
    """Buckets and a state machine; the task news_category has the rows of `PetSchema`, and 2 rows suffice to train."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "ingest_upload",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "DATA_BUCKET": DATA,
        "TRAINING_STATE_MACHINE_ARN": ARN,
        "INGEST_STATE_MACHINE_ARN": MACHINE,
        "DISTRIBUTE_FROM": "100000",
    }.items():
        monkeypatch.setenv(name, value)
    for cached in (clients.client, settings):
        cached.cache_clear()
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in (UPLOADS, DATA):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for name in ("infolens-training", "infolens-ingest"):
            boto3.client("stepfunctions", region_name="us-east-1").create_state_machine(
                name=name,
                definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
                roleArn="arn:aws:iam::123456789012:role/machines",
            )
        yield s3
    for cached in (clients.client, settings):
        cached.cache_clear()


@pytest.fixture
def handler(cloud, monkeypatch):
    """The handler as Lambda would load it."""
    monkeypatch.setattr(code, "code_version", lambda: "c0de")

    def schema_of(task):
        if task != "news_category":
            raise tasks.UnknownTaskError(f"unknown task {task!r}; known tasks: news_category")
        return PetSchema(task="news_category")

    monkeypatch.setattr(ingest_ports, "schema_of", schema_of)
    monkeypatch.setattr(ingest_ports, "part_of", lambda task, part: type("Gates", (), {"MIN_ROWS": 2}))
    return lambda event, function="ingest_upload": call(load(function), event)


def upload(s3, key: str, data: bytes) -> dict:
    """Upload a file and give its event."""
    return put(s3, "sqs_s3_object_created.json", key, data)


def objects(s3, prefix: str = "") -> list[str]:
    """List the data bucket."""
    return [item["Key"] for item in s3.list_objects_v2(Bucket=DATA, Prefix=prefix).get("Contents", ())]


def report(s3) -> dict:
    """Read the one report."""
    (key,) = [key for key in objects(s3, "reports/") if key.endswith(".json")]
    return json.loads(s3.get_object(Bucket=DATA, Key=key)["Body"].read())


def executions(machine: str = ARN) -> list[str]:
    """List the names of all executions of a machine."""
    states = boto3.client("stepfunctions", region_name="us-east-1")
    return [item["name"] for item in states.list_executions(stateMachineArn=machine)["executions"]]


def test_upload_becomes_a_dataset(cloud, handler, capsys):
    """One event with an encoded key: report, part, manifest, head, one training; logs and metrics name them."""
    assert handler(upload(cloud, "labelled/news_category/a b+c.csv", PETS)) == {"batchItemFailures": []}
    found = report(cloud)
    assert (found["status"], found["rows_in"], found["rows_kept"]) == ("accepted", 4, 2)
    assert found["source"]["key"] == "labelled/news_category/a b+c.csv"
    (part,) = objects(cloud, "parts/")
    table = pq.read_table(io.BytesIO(cloud.get_object(Bucket=DATA, Key=part)["Body"].read()))
    assert table.column("text").to_pylist() == ["purrs", "barks"]
    assert objects(cloud, "datasets/") == [
        f"datasets/news_category/{found['dataset_id']}/channel.manifest",
        f"datasets/news_category/{found['dataset_id']}/manifest.json",
        "datasets/news_category/head.json",
    ]
    assert executions() == [f"news_category-{found['dataset_id'][:12]}-c0de"]

    lines = logged(capsys)
    (line,) = [line for line in lines if line.get("message") == "upload accepted"]
    assert (line["task"], line["upload_id"], line["service"]) == ("news_category", found["upload_id"], "ingest_upload")
    assert line["report"]["rows_rejected"] == 1
    (metrics,) = [line for line in lines if "_aws" in line]
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "InfoLens"
    assert (metrics["RowsIn"], metrics["RowsKept"], metrics["RowsDuplicate"], metrics["RowsRejected"]) == (
        [4.0],
        [2.0],
        [1.0],
        [1.0],
    )
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["task"]]
    assert metrics["task"] == "news_category"
    assert (metrics["BytesIn"], metrics["Conflicts"], metrics["NearDuplicates"]) == ([float(len(PETS))], [0.0], [0.0])
    assert metrics["SecondsToDataset"][0] >= 0


def test_redelivery_is_harmless(cloud, handler, capsys):
    """The same event again writes nothing, starts nothing and counts nothing."""
    event = upload(cloud, "labelled/news_category/a.csv", PETS)
    handler(event)
    before = cloud.list_object_versions(Bucket=DATA)["Versions"]
    capsys.readouterr()
    assert handler(event) == {"batchItemFailures": []}
    assert cloud.list_object_versions(Bucket=DATA)["Versions"] == before
    assert len(executions()) == 1
    assert not [line for line in logged(capsys) if "_aws" in line]


def test_old_version_is_read(cloud, handler):
    """The event speaks of one version; a newer one under the same key is another upload."""
    event = upload(cloud, "labelled/news_category/a.csv", PETS)
    cloud.put_object(Bucket=UPLOADS, Key="labelled/news_category/a.csv", Body=b"something else")
    handler(event)
    assert report(cloud)["rows_kept"] == 2


def test_refused_file_is_quarantined(cloud, handler):
    """A file without its label column is dealt with: quarantine byte for byte, a reason, no failure, no training."""
    data = b"\xef\xbb\xbftext,kind\r\npurrs,cat\r\n"
    assert handler(upload(cloud, "labelled/news_category/a.csv", data)) == {"batchItemFailures": []}
    assert report(cloud)["reason"] == "column label: no such column; label is needed"
    (key,) = objects(cloud, "quarantine/")
    assert cloud.get_object(Bucket=DATA, Key=key)["Body"].read() == data
    assert executions() == []


def test_unknown_task(cloud, handler):
    """A folder that is no task: the file is reported under `unknown` with the tasks that there are."""
    handler(upload(cloud, "labelled/sports/a.csv", PETS))
    assert objects(cloud, "reports/unknown/")
    assert report(cloud)["reason"].startswith("unknown task 'sports'; known tasks: news_category")


def test_one_bad_message_does_not_bring_the_others_back(cloud, handler):
    """Test event, a good upload, and a message that is no S3 event: only the last one is delivered again."""
    event = sqs("sqs_mixed_batch.json")
    event["Records"][1]["body"] = upload(cloud, "labelled/news_category/a.csv", PETS)["Records"][0]["body"]
    assert handler(event) == {"batchItemFailures": [{"itemIdentifier": event["Records"][2]["messageId"]}]}
    assert report(cloud)["status"] == "accepted"


def test_folder_marker_is_passed_over(cloud, handler):
    """A folder made in the S3 console is neither an upload nor a failure."""
    assert handler(sqs("sqs_s3_folder_marker.json")) == {"batchItemFailures": []}
    assert objects(cloud) == []


def test_failure_of_the_infrastructure_comes_back(cloud, handler, capsys):
    """A bucket that is not there is no fault of the file: the message fails, and the log names the upload."""
    good = upload(cloud, "labelled/news_category/a.csv", PETS)
    bad = upload(cloud, "labelled/news_category/b.csv", PETS)
    body = json.loads(bad["Records"][0]["body"])
    body["Records"][0]["s3"]["bucket"]["name"] = "no-such-bucket"
    bad["Records"][0] |= {"body": json.dumps(body), "messageId": "bad"}
    answer = handler({"Records": [*bad["Records"], *good["Records"]]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    (line,) = [line for line in logged(capsys) if line.get("level") == "ERROR"]
    assert line["message_id"] == "bad"
    assert line["upload_id"] != report(cloud)["upload_id"]


def test_two_uploads_in_one_process_share_what_was_read(cloud, handler):
    """The second file of a warm process is compared with the first without reading it again."""
    handler(upload(cloud, "labelled/news_category/a.csv", PETS))
    handler(upload(cloud, "labelled/news_category/b.csv", PETS))
    reports = [
        json.loads(cloud.get_object(Bucket=DATA, Key=key)["Body"].read())
        for key in objects(cloud, "reports/")
        if key.endswith(".json")
    ]
    assert sorted(found["status"] for found in reports) == ["accepted", "empty"]


def test_large_file_goes_through_its_functions(cloud, handler):
    """Handed over by its size under the upload's id, planned, staged and committed; started once however often told."""
    rows = "".join(f"pet number {number} does something,cat,1\n" for number in range(4000))
    event = upload(cloud, "labelled/news_category/large.csv", b"text,label,age\n" + rows.encode())
    assert handler(event) == {"batchItemFailures": []}
    assert handler(event) == {"batchItemFailures": []}
    (name,) = {name.partition("-")[0] for name in executions(MACHINE)}
    states = boto3.client("stepfunctions", region_name="us-east-1")
    running = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{name}"
    order = json.loads(states.describe_execution(executionArn=running)["input"])["order"]
    assert order["upload_id"] == name
    planned = handler(order, "plan_ingest")
    assert planned["status"] == "planned"
    listed = json.loads(cloud.get_object(Bucket=planned["sections_bucket"], Key=planned["sections_key"])["Body"].read())
    assert [handler(section, "stage_section")["status"] for section in listed] == ["staged"] * len(listed)
    assert handler(order, "commit_upload") == {"status": "accepted", "reason": ""}
    assert (report(cloud)["rows_kept"], report(cloud)["upload_id"]) == (4000, name)
    assert objects(cloud, "reports/")[-1].endswith(".txt")


def test_a_machine_that_has_failed_is_started_again(cloud, handler):
    """The upload's event delivered again, from the dead letters say: a name can be used once, hence a number."""
    event = upload(cloud, "labelled/news_category/large.csv", b"text,label\n" + b"purrs,cat\n" * 20_000)
    states = boto3.client("stepfunctions", region_name="us-east-1")
    handler(event)
    handler(event)
    (name,) = executions(MACHINE)
    states.stop_execution(executionArn=f"{MACHINE.replace(':stateMachine:', ':execution:')}:{name}")
    handler(event)
    handler(event)
    assert sorted(executions(MACHINE)) == [name, f"{name}-2"]


def test_wrong_bytes_after_the_fact_are_not_taken(cloud, handler):
    """A gzip file cut in two is refused whole, not taken by half."""
    packed = gzip.compress(PETS * 50)
    handler(upload(cloud, "labelled/news_category/a.csv.gz", packed[: len(packed) - 10]))
    assert report(cloud)["status"] == "refused"
    assert objects(cloud, "parts/") == []
