"""The function answer_batch against moto's S3 and SQS event shapes: rows in, answers beside them, once."""

from __future__ import annotations

import csv
import io
import json

import boto3
import pytest
from moto import mock_aws

from infolens import tasks
from infolens.aws import clients
from infolens.aws.predictions import NoModelLiveError, failed
from infolens.contracts.prediction import PredictResponse
from infolens.contracts.rollout import AliasState
from infolens.settings import settings
from ingest_fakes import PetSchema
from ingest_handlers import UPLOADS, call, load, logged, put, sqs

PETS = b"id,text\n1,purrs\n2,x\n3,=barks\n"


class Functions:
    """Predict functions: champion 7 answers, candidate 8 fails; the alias picks in turn."""

    def __init__(self) -> None:
        self.live = True
        self.asked: list[str] = []

    def invoke(self, task, request, qualifier="live"):
        """See Predictions."""
        if not self.live:
            raise NoModelLiveError(task)
        self.asked.append(qualifier)
        if qualifier == "live":
            return failed(502, "8", "model version 8 failed")
        answers = tuple({"label": "cat", "confidence": 0.75} for _ in request.inputs)
        return PredictResponse(200, "7", "d", "r", "b", answers)

    def read(self, function):
        """See Aliases."""
        return AliasState("7", "8", 20, "revision")


@pytest.fixture
def cloud(monkeypatch):
    """The uploads bucket."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "answer_batch",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PREDICT_FUNCTION_PREFIX": "infolens-predict-",
    }.items():
        monkeypatch.setenv(name, value)
    for cached in (clients.client, settings):
        cached.cache_clear()
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=UPLOADS)
        s3.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration={"Status": "Enabled"})
        yield s3
    for cached in (clients.client, settings):
        cached.cache_clear()


@pytest.fixture
def functions():
    """The predict functions."""
    return Functions()


@pytest.fixture
def handler(cloud, functions, monkeypatch):
    """The handler as Lambda would load it; the task news_category has the rows of `PetSchema`."""
    module = load("answer_batch")

    def schema_of(task):
        if task != "news_category":
            raise tasks.UnknownTaskError(f"unknown task {task!r}; known tasks: news_category")
        return PetSchema(task="news_category")

    monkeypatch.setattr(module, "schema_of", schema_of)
    monkeypatch.setattr(module, "_predictions", functions)
    monkeypatch.setattr(module, "_aliases", functions)
    return lambda event: call(module, event)


def upload(s3, key: str, data: bytes) -> dict:
    """Upload a file and give its event."""
    return put(s3, "sqs_s3_batch_created.json", key, data)


def result(s3, kind: str) -> bytes:
    """Read the one result of a kind."""
    listed = s3.list_objects_v2(Bucket=UPLOADS, Prefix="results/").get("Contents", ())
    (key,) = [item["Key"] for item in listed if item["Key"].endswith(kind)]
    return s3.get_object(Bucket=UPLOADS, Key=key)["Body"].read()


def test_batch_is_answered_by_the_champion_while_the_canary_fails(cloud, handler, functions, capsys):
    """All rows come back, formulas escaped, and the failing candidate costs no answer; logs and metrics name them."""
    assert handler(upload(cloud, "batch/news_category/a b+c.csv", PETS)) == {"batchItemFailures": []}
    report = json.loads(result(cloud, ".json"))
    assert (report["status"], report["rows_in"], report["rows_answered"]) == ("answered", 3, 2)
    assert report["model_versions"] == {"7": 2}
    rows = list(csv.DictReader(io.StringIO(result(cloud, ".csv").decode(), newline="")))
    assert [(row["text"], row["label"], row["problem"]) for row in rows] == [
        ("purrs", "cat", ""),
        ("x", "", "text: is shorter than 3 characters"),
        ("'=barks", "cat", ""),
    ]
    assert functions.asked == ["live", "7"]

    lines = logged(capsys)
    (line,) = [line for line in lines if line.get("message") == "batch answered"]
    assert (line["task"], line["upload_id"]) == ("news_category", report["upload_id"])
    (metrics,) = [line for line in lines if "_aws" in line]
    assert (metrics["RowsIn"], metrics["RowsAnswered"], metrics["RowsFailed"]) == ([3.0], [2.0], [1.0])
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["task"]]


def test_redelivery_is_harmless(cloud, handler, functions, capsys):
    """The same event again asks no model, writes nothing and counts nothing."""
    event = upload(cloud, "batch/news_category/a.csv", PETS)
    handler(event)
    versions, asked = cloud.list_object_versions(Bucket=UPLOADS)["Versions"], list(functions.asked)
    capsys.readouterr()
    assert handler(event) == {"batchItemFailures": []}
    assert cloud.list_object_versions(Bucket=UPLOADS)["Versions"] == versions
    assert functions.asked == asked
    assert not [line for line in logged(capsys) if "_aws" in line]


def test_no_model_then_one(cloud, handler, functions):
    """Without a model the batch is refused, not failed; its event again answers it."""
    functions.live = False
    event = upload(cloud, "batch/news_category/a.csv", PETS)
    assert handler(event) == {"batchItemFailures": []}
    assert json.loads(result(cloud, ".json"))["reason"].startswith("no model of news_category is live yet")
    functions.live = True
    handler(event)
    assert json.loads(result(cloud, ".json"))["status"] == "answered"


def test_test_event_and_other_messages(cloud, handler):
    """The test event of a new notification is passed over; a message that is none of S3's comes back."""
    event = sqs("sqs_mixed_batch.json")
    event["Records"][1]["body"] = upload(cloud, "batch/news_category/a.csv", PETS)["Records"][0]["body"]
    assert handler(event) == {"batchItemFailures": [{"itemIdentifier": event["Records"][2]["messageId"]}]}
    assert json.loads(result(cloud, ".json"))["status"] == "answered"
