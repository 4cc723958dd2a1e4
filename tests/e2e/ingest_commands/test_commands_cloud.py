"""The operator's commands about rows, datasets and dead letters, typed against real ingest in the embedded cloud."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cloud_parts import ROLE, log_lines, make_bucket, make_function, unique, until, wait_for_function, zip_of
from infolens import codec
from infolens.aws.registry import DynamoRegistry
from infolens.contracts.bundle import BundleManifest
from infolens.contracts.dataset import DatasetManifest, UploadReport
from infolens.contracts.model import ModelRecord
from infolens.ml.bundle import write_manifest
from infolens_cli.demo import samples
from ingest_cloud import VISIBILITY_SECONDS, IngestCloud
from rollout_cloud import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

INFOLENS = Path(sys.executable).with_name("infolens")
TASK = "news_category"
TAKE_BACK = """
def handler(event, context):
    return {"status": "rolled_back by " + event["alarmData"]["alarmName"]}
"""
ALARM = {"alarmData": {"alarmName": f"infolens-rollout.{TASK}.r-7.faults", "state": {"value": "ALARM"}}}


class Desk:
    """A terminal at a stack of ingest alone, whose outputs are those of the template."""

    def __init__(self, cloud, scratch):
        self.cloud, self.ingest = cloud, IngestCloud(cloud, scratch)
        self.stack, self.models = unique("desk"), make_bucket(cloud)
        self.entrance = self._entrance()
        self.ingest.listen(self.entrance)
        self.table = unique("models")
        dynamodb = cloud.client("dynamodb")
        dynamodb.create_table(
            TableName=self.table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "task", "AttributeType": "S"},
                {"AttributeName": "version", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": "version", "KeyType": "RANGE"}],
        )
        self.registry = DynamoRegistry(self.table, dynamodb)
        self.batch_dead, self.take_backs = (self._queue(name) for name in ("batch-dead", "take-backs"))
        self._deploy(make_function(cloud, TAKE_BACK))
        chosen = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INFOLENS_"))}
        self._env = chosen | {
            "AWS_ENDPOINT_URL": cloud.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "INFOLENS_STACK": self.stack,
            "COLUMNS": "200",
        }

    def type(self, *words, code=0):
        """Type a command, expect its exit code, and give what it said on one line."""
        done = subprocess.run([INFOLENS, *words], env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    def report(self, upload_id, task=TASK):
        """Read the report of an upload once it is there."""
        found = until(lambda: self.ingest.objects(f"reports/{task}/{upload_id}.json"), every=0.2)
        return codec.from_json(UploadReport, next(iter(found.values())))

    def head(self):
        """Id of the newest dataset."""
        found = self.ingest.objects(f"datasets/{TASK}/head.json")
        return json.loads(next(iter(found.values())))["dataset_id"]

    def store_in(self, bucket):
        """Let ingest keep its data in a bucket; one that is not there breaks it."""
        functions = self.ingest.functions
        given = functions.get_function_configuration(FunctionName=self.entrance)["Environment"]["Variables"]
        variables = given | {"DATA_BUCKET": bucket}
        functions.update_function_configuration(FunctionName=self.entrance, Environment={"Variables": variables})
        wait_for_function(functions, self.entrance)

    def give_up(self, receives, seconds):
        """Let the queue give a message up after so many receives, each so long."""
        redrive = {"deadLetterTargetArn": self.ingest.dead_arn, "maxReceiveCount": receives}
        self.ingest.sqs.set_queue_attributes(
            QueueUrl=self.ingest.queue,
            Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": str(seconds)},
        )

    def _entrance(self):
        """Create `ingest_upload` under the name that the template gives it: its logs are found by that."""
        functions = self.ingest.functions
        like = functions.get_function_configuration(FunctionName=self.ingest.entrance())
        name = f"{self.stack}-ingest-upload"
        source = (ROOT / "functions" / "ingest_upload" / "handler.py").read_text("utf-8")
        functions.create_function(
            FunctionName=name,
            Code={"ZipFile": zip_of({"index.py": source})},
            Role=ROLE,
            Layers=[layer["Arn"] for layer in like["Layers"]],
            Environment={"Variables": like["Environment"]["Variables"]},
            **{key: like[key] for key in ("Handler", "Runtime", "Timeout", "MemorySize")},
        )
        wait_for_function(functions, name)
        return name

    def _queue(self, name):
        return self.ingest.sqs.create_queue(QueueName=unique(name))["QueueUrl"]

    def _deploy(self, take_back):
        outputs = {
            "UploadsBucket": self.ingest.uploads,
            "DataBucket": self.ingest.data,
            "ModelsBucket": self.models,
            "ModelsTable": self.table,
            "RolloutsTable": "none",
            "ObservationsTable": "none",
            "PredictFunctionPrefix": "none-",
            "TrainingStateMachineArn": self.ingest.training,
            "RolloutStateMachineArn": "none",
            "ApiUrl": "http://none",
            "ApiKeyId": "none",
            "LabelledDeadLetters": self.ingest.dead,
            "BatchDeadLetters": self.batch_dead,
            "FailedTakeBacks": self.take_backs,
            "TakeBackFunctionArn": take_back,
        }
        template = {
            "Resources": {"Nothing": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        formation = self.cloud.client("cloudformation")
        formation.create_stack(StackName=self.stack, TemplateBody=json.dumps(template))
        until(
            lambda: (
                formation.describe_stacks(StackName=self.stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE" or None
            )
        )


@pytest.fixture(scope="module")
def desk(cloud, tmp_path_factory):
    """A terminal, with one dirty file uploaded and one that was put where no task is."""
    return Desk(cloud, tmp_path_factory.mktemp("layers"))


def upload_id_in(said):
    """The id that a command printed."""
    return re.search(r"upload id ([0-9a-f]{24})", said)[1]


@pytest.fixture(scope="module")
def uploaded(desk, tmp_path_factory):
    """A dirty file, uploaded: what was said, and its rejects as the editor gets them."""
    folder = tmp_path_factory.mktemp("files")
    samples.labelled_file(TASK, folder / "dirty.csv", rows=200, seed=1, dirt=0.1)
    said = desk.type("upload", TASK, str(folder / "dirty.csv"), "--rejects", str(folder / "rejects.csv"))
    return said, folder / "rejects.csv"


@pytest.fixture(scope="module")
def replayed(desk, uploaded, tmp_path_factory):
    """A file of no task, refused, and put in again as one of a task: the old id and what was said."""
    file = tmp_path_factory.mktemp("lost") / "lost.csv"
    samples.labelled_file(TASK, file, rows=100, seed=2, dirt=0.05)
    source = desk.ingest.put("lost.csv", file.read_bytes(), task="weather")
    refused = desk.ingest.report(source, task="unknown")
    assert refused.status == "refused"
    assert "unknown task" in refused.reason
    return refused.upload_id, desk.type("replay", refused.upload_id[:10], "--task", TASK)


def test_an_upload_is_reported_with_its_rejects(desk, uploaded):
    """The terminal says what the record says, and the rejects are the file that can be mended."""
    said, rejects = uploaded
    report = desk.report(upload_id_in(said))
    assert report.rows_in == 200 == report.rows_kept + report.rows_duplicate + report.rows_rejected
    assert f"rows in 200 kept {report.rows_kept} duplicate {report.rows_duplicate}" in said
    assert "UTF-8, comma between the columns" in said
    assert f"mend {rejects} and infolens upload" in said
    with rejects.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == report.rows_rejected > 0


def test_a_report_can_be_read_again(desk, uploaded):
    """By a beginning of its id."""
    upload_id = upload_id_in(uploaded[0])
    assert f"upload id {upload_id}" in desk.type("report", upload_id[:8])


def test_a_quarantined_file_is_replayed_with_a_report_of_its_own(desk, replayed):
    """The very bytes, as a new upload that names the old one."""
    old, said = replayed
    new = upload_id_in(said)
    assert new != old
    report = desk.report(new)
    assert (report.status, report.replay_of, report.rows_in) == ("accepted", old, 100)
    assert f"replay of {old}" in said


def test_datasets_are_listed_shown_and_compared(desk, uploaded, replayed):
    """Two uploads made two datasets, the second upon the first."""
    listed = desk.type("dataset", "list", TASK)
    first, second = desk.report(upload_id_in(uploaded[0])), desk.report(upload_id_in(replayed[1]))
    assert f"head {second.dataset_id[:16]}" in listed
    assert listed.index(second.dataset_id[:16]) < listed.index(first.dataset_id[:16])
    shown = desk.type("dataset", "show", second.dataset_id[:8])
    assert f"parent {first.dataset_id}" in shown
    assert "labelled/news_category/lost.csv" in shown
    told = desk.type("dataset", "diff", first.dataset_id[:8], TASK, "--rows", "--limit", "1")
    assert "the second is the first with 1 upload more" in told
    assert f"only in the first: 0, only in the second: {second.rows_kept}, in both: {first.rows_kept}" in told


def test_an_old_dataset_and_its_model_come_back_byte_for_byte(desk, uploaded, replayed, tmp_path):
    """Named by the model: the dataset it was trained on, and the bundle that was served."""
    first = desk.report(upload_id_in(uploaded[0]))
    bundle = tmp_path / "made"
    bundle.mkdir()
    (bundle / "model.onnx").write_bytes(b"weights" * 1000)
    draft = BundleManifest(TASK, "text_classifier", "run-7", first.dataset_id, "c0de", {}, {}, ())
    digest = write_manifest(bundle, draft)
    for file in bundle.iterdir():
        desk.ingest.s3.put_object(
            Bucket=desk.models, Key=f"bundles/{TASK}/{digest}/{file.name}", Body=file.read_bytes()
        )
    uri = f"s3://{desk.models}/bundles/{TASK}/{digest}/"
    desk.registry.put(
        ModelRecord(TASK, "7", uri, digest, "run-7", first.dataset_id, "c0de", {}, True, (), "2026-03-01T12:00", "x")
    )
    to = tmp_path / "out"
    said = desk.type("dataset", "checkout", f"{TASK}@7", "--to", str(to), "--with-model")
    assert f"digest {digest}" in said
    manifest = codec.from_json(DatasetManifest, (to / "manifest.json").read_bytes())
    assert manifest.dataset_id == first.dataset_id
    rows = pq.read_table(to / "parts").num_rows
    assert rows == first.rows_kept == manifest.rows
    assert (to / "bundle" / "model.onnx").read_bytes() == b"weights" * 1000
    assert "version 7" in desk.type("dataset", "show", f"{TASK}@7")

    desk.type("dataset", "checkout", first.dataset_id[:10], "--to", str(tmp_path / "csv"), "--as", "csv")
    with (tmp_path / "csv" / "rows.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == first.rows_kept


def test_an_old_dataset_becomes_the_newest_again(desk, uploaded, replayed):
    """And the one that it left is still there, so that it can come back the same way."""
    first, second = desk.report(upload_id_in(uploaded[0])), desk.report(upload_id_in(replayed[1]))
    desk.type("dataset", "checkout", first.dataset_id[:10], "--head", "--yes")
    assert desk.head() == first.dataset_id
    assert f"aside {second.dataset_id[:16]}" in desk.type("dataset", "list", TASK, "--all")
    desk.type("dataset", "checkout", second.dataset_id[:10], "--head", "--yes")
    assert desk.head() == second.dataset_id


def test_dead_letters_are_listed_and_replayed(desk, uploaded, tmp_path):
    """An upload that ingest could not take, and poison: both seen with their error, one mended and put in again."""
    desk.give_up(receives=1, seconds=1)
    desk.store_in(unique("no-such-bucket"))
    file = tmp_path / "late.csv"
    samples.labelled_file(TASK, file, rows=50, seed=3, dirt=0.0)
    upload_id = upload_id_in(desk.type("upload", TASK, str(file), "--no-wait"))
    desk.ingest.sqs.send_message(QueueUrl=desk.ingest.queue, MessageBody='{"poison": true}')
    until(lambda: desk.ingest.messages(desk.ingest.dead) == 2, every=0.2)
    until(lambda: any("no S3 notification" in line for line in log_lines(desk.cloud, f"/aws/lambda/{desk.entrance}")))

    listed = desk.type("dlq", "list")
    assert f"labelled/{TASK}/late.csv" in listed
    assert f"infolens logs {upload_id}" in listed
    assert "NoSuchBucket" in listed
    assert "NotAnS3EventError" in listed
    found = {
        about: name for name, about in re.findall(r"([0-9a-f-]{36}) labelled, .*? received \d+ times (\S+)", listed)
    }
    assert len(found) == 2
    again = desk.type("dlq", "list", "--queue", "labelled")
    assert all(name in again for name in found.values())  # looking has hidden nothing

    desk.store_in(desk.ingest.data)
    desk.give_up(receives=3, seconds=VISIBILITY_SECONDS)
    late = next(name for about, name in found.items() if about.endswith("late.csv,"))
    assert "is in its queue again" in desk.type("dlq", "replay", late)
    assert desk.report(upload_id).status == "accepted"
    left = desk.type("dlq", "list")
    assert late not in left
    assert all(name in left for name in found.values() if name != late)
    assert "there is no such message" in desk.type("dlq", "replay", late, code=1)


def test_a_failed_take_back_is_called_again(desk):
    """The alarm fired once, and will not fire again by itself."""
    desk.ingest.sqs.send_message(
        QueueUrl=desk.take_backs,
        MessageBody=json.dumps(ALARM),
        MessageAttributes={"ErrorMessage": {"StringValue": "no alias", "DataType": "String"}},
    )
    listed = desk.type("dlq", "list", "--queue", "takebacks")
    assert f"{TASK}, rollout r-7, faults no alias infolens logs r-7" in listed
    assert "rolled_back by infolens-rollout" in desk.type("dlq", "replay", "--all", "--queue", "takebacks")
    assert "there are no dead letters" in desk.type("dlq", "list", "--queue", "takebacks")


def test_quality_shows_what_the_reports_say(desk, uploaded, replayed, tmp_path):
    """On the terminal, and as a page that stands alone."""
    report = desk.report(upload_id_in(uploaded[0]))
    said = desk.type("quality", "--html", str(tmp_path / "quality.html"))
    assert f"dirty.csv {report.upload_id[:12]} accepted 200 {report.rows_kept}" in said
    assert "lost.csv" in said
    page = (tmp_path / "quality.html").read_text("utf-8")
    assert report.upload_id in page
    assert "://" not in page
