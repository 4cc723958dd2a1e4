"""The batch functions against moto's S3, Step Functions and SQS event shapes: rows in, answers beside them, once."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws

from infolens import tasks
from infolens.aws import clients
from infolens.aws.predictions import NoModelLiveError, failed
from infolens.contracts.prediction import PredictResponse
from infolens.contracts.rollout import AliasState
from infolens.settings import settings
from ingest_handlers import UPLOADS, call, load, logged, put, sqs
from pets import PetSchema

DATA = "infolens-data-000000000000-us-east-1"
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
    """The buckets and the state machine."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "batch",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PREDICT_FUNCTION_PREFIX": "infolens-predict-",
        "DATA_BUCKET": DATA,
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in (UPLOADS, DATA):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        states = boto3.client("stepfunctions", region_name="us-east-1")
        machine = states.create_state_machine(
            name="batch", definition=json.dumps(PASS), roleArn="arn:aws:iam::123456789012:role/states"
        )["stateMachineArn"]
        monkeypatch.setenv("BATCH_STATE_MACHINE_ARN", machine)
        for cached in (clients.client, settings):
            cached.cache_clear()
        yield Cloud(s3, states, machine)
    for cached in (clients.client, settings):
        cached.cache_clear()


PASS = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


@dataclass(frozen=True)
class Cloud:
    """What moto gives."""

    s3: object
    states: object
    machine: str

    def started(self) -> dict[str, dict]:
        """Inputs of the executions by name."""
        listed = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return {
            one["name"]: json.loads(self.states.describe_execution(executionArn=one["executionArn"])["input"])
            for one in listed
        }


@pytest.fixture
def functions():
    """The predict functions."""
    return Functions()


@pytest.fixture
def steps(cloud, functions, monkeypatch):
    """The handlers as Lambda would load them; the task news_category has the rows of `PetSchema`."""
    modules = {name: load(name) for name in ("start_batch", "split_batch", "answer_chunk", "assemble_batch")}

    def schema_of(task):
        if task != "news_category":
            raise tasks.UnknownTaskError(f"unknown task {task!r}; known tasks: news_category")
        return PetSchema(task="news_category")

    for name in ("split_batch", "assemble_batch"):
        monkeypatch.setattr(modules[name], "schema_of", schema_of)
    monkeypatch.setattr(modules["answer_chunk"], "_predictions", functions)
    monkeypatch.setattr(modules["answer_chunk"], "_aliases", functions)
    return lambda name, event: call(modules[name], event)


def upload(cloud, key: str, data: bytes) -> dict:
    """Upload a file and give its event."""
    return put(cloud.s3, "sqs_s3_batch_created.json", key, data)


def test_batch_is_answered_by_the_champion_while_the_canary_fails(cloud, steps, functions, capsys):
    """All rows come back, formulas escaped, and the failing candidate costs no answer; logs and metrics name them."""
    assert steps("start_batch", upload(cloud, "batch/news_category/a b+c.csv", PETS)) == {"batchItemFailures": []}
    ((name, order),) = cloud.started().items()
    assert name == order["upload_id"]
    split = steps("split_batch", order)
    chunks = json.loads(cloud.s3.get_object(Bucket=split["chunks_bucket"], Key=split["chunks_key"])["Body"].read())
    assert [steps("answer_chunk", chunk)["status"] for chunk in chunks] == ["answered"]
    report = steps("assemble_batch", order)

    assert (report["status"], report["rows_in"], report["rows_answered"]) == ("answered", 3, 2)
    assert report["model_versions"] == {"7": 2}
    found = cloud.s3.get_object(Bucket=UPLOADS, Key="batch/news_category/a b+c.csv.results.csv")["Body"].read()
    rows = list(csv.DictReader(io.StringIO(found.decode(), newline="")))
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


def test_redelivery_is_harmless(cloud, steps):
    """The same event again starts nothing: the execution's name is the upload's id."""
    event = upload(cloud, "batch/news_category/a.csv", PETS)
    for _ in range(2):
        assert steps("start_batch", event) == {"batchItemFailures": []}
    assert len(cloud.started()) == 1


def test_results_beside_the_file_ask_nothing(cloud, steps):
    """Their event comes through the same queue, and would go round for ever."""
    event = upload(cloud, "batch/news_category/a.csv.results.csv", PETS)
    assert steps("start_batch", event) == {"batchItemFailures": []}
    assert cloud.started() == {}


def test_no_model_is_refused(cloud, steps, functions):
    """Without a model the batch is refused, with a report that says so."""
    functions.live = False
    steps("start_batch", upload(cloud, "batch/news_category/a.csv", PETS))
    (order,) = cloud.started().values()
    steps("split_batch", order)
    chunk = {"task": "news_category", "upload_id": order["upload_id"], "number": 0}
    assert steps("answer_chunk", chunk)["status"] == "unanswered"
    report = steps("assemble_batch", order)
    assert report["status"] == "refused"
    assert report["reason"].startswith("no model of news_category is live yet")


def test_test_event_and_other_messages(cloud, steps):
    """The test event of a new notification is passed over; a message that is none of S3's comes back."""
    event = sqs("sqs_mixed_batch.json")
    event["Records"][1]["body"] = upload(cloud, "batch/news_category/a.csv", PETS)["Records"][0]["body"]
    assert steps("start_batch", event) == {"batchItemFailures": [{"itemIdentifier": event["Records"][2]["messageId"]}]}
    assert len(cloud.started()) == 1
