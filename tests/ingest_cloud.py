"""Builds the whole of ingest in an embedded cloud: bucket, queue, dead letters, functions, state machines."""

import io
import json
import re
import zipfile
from pathlib import Path

from cloud_parts import ROLE, make_bucket, make_function, unique, until
from infolens import codec
from infolens.contracts import keys
from infolens.contracts.dataset import DatasetManifest, UploadRef, UploadReport
from infolens.ingest.identity import upload_id_of
from layer_builds import build_layer
from rollout_cloud import ROOT, platform_layer

SECTION_BYTES = 64 << 10
VISIBILITY_SECONDS = 25
"""Longer than any file of these tests takes, short enough to wait for what comes back."""

_NOTHING = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})


class IngestCloud:
    """Ingest as the template lays it out, with a training state machine that does nothing."""

    def __init__(self, cloud, scratch):
        self.cloud = cloud
        self.s3, self.sqs, self.states = (cloud.client(name) for name in ("s3", "sqs", "stepfunctions"))
        self.functions = cloud.client("lambda")
        self.uploads, self.data = make_bucket(cloud), make_bucket(cloud)
        for bucket in (self.uploads, self.data):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self._layers = [
            self._layer("platform", _with_jobs(platform_layer())),
            self._layer("columnar", _columnar(scratch)),
        ]
        self.training = self._machine("training", _NOTHING)
        self.dead, self.dead_arn = self._queue("dead")
        redrive = json.dumps({"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": 3})
        self.queue, self.queue_arn = self._queue(
            "labelled", VisibilityTimeout=str(VISIBILITY_SECONDS), RedrivePolicy=redrive
        )
        steps = {f: self._arn(self.function(f)) for f in ("plan_ingest", "stage_section", "commit_upload")}
        values = {f"{name.title().replace('_', '')}FunctionArn": arn for name, arn in steps.items()}
        values["DeadLettersUrl"] = self.dead
        text = (ROOT / "state_machines" / "ingest.asl.json").read_text("utf-8")
        self.machine = self._machine("ingest", re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text))

    def function(self, folder, **variables):
        """Create a function of `functions/` and give its name."""
        given = {
            "DATA_BUCKET": self.data,
            "TRAINING_STATE_MACHINE_ARN": self.training,
            "SECTION_BYTES": str(SECTION_BYTES),
            "POWERTOOLS_SERVICE_NAME": folder,
            "POWERTOOLS_TRACE_DISABLED": "true",
        }
        return make_function(
            self.cloud,
            (ROOT / "functions" / folder / "handler.py").read_text("utf-8"),
            Layers=self._layers,
            Timeout=240,
            MemorySize=1769,
            Environment={"Variables": given | variables},
        )

    def entrance(self, **variables):
        """Create `ingest_upload`, which knows the state machine, and give its name."""
        return self.function("ingest_upload", INGEST_STATE_MACHINE_ARN=self.machine, **variables)

    def listen(self, name):
        """Let uploads reach a function through the queue, as the template does."""
        self.functions.create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=self.queue_arn,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            BatchSize=5,
            ScalingConfig={"MaximumConcurrency": 5},
        )
        self.s3.put_bucket_notification_configuration(
            Bucket=self.uploads,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {
                        "QueueArn": self.queue_arn,
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "labelled/"}]}},
                    }
                ]
            },
        )

    def put(self, name, data, task="news_category"):
        """Drop a file and give the upload that it is."""
        key = keys.labelled_upload(task, name)
        version = self.s3.put_object(Bucket=self.uploads, Key=key, Body=data)["VersionId"]
        return UploadRef(self.uploads, key, version)

    def event(self, source, size):
        """Make the event that the queue brings of an upload."""
        item = {"key": source.key, "versionId": source.version, "eTag": "e", "size": size}
        record = {"eventTime": "2026-05-01T12:00:00.000Z", "s3": {"bucket": {"name": source.bucket}, "object": item}}
        return {
            "Records": [
                {
                    "messageId": "m",
                    "eventSource": "aws:sqs",
                    "body": json.dumps({"Records": [record]}),
                    "attributes": {},
                }
            ]
        }

    def report(self, source, limit_seconds=240.0, task="news_category"):
        """Wait for the report of an upload."""
        upload_id = upload_id_of(source)

        def look():
            found = self.objects(f"reports/{task}/{upload_id}.json")
            return [codec.from_json(UploadReport, data) for data in found.values()]

        return until(look, limit_seconds, every=0.2)[0]

    def manifest(self, dataset_id, task="news_category"):
        """Read the description of a dataset."""
        key = keys.dataset_manifest(task, dataset_id)
        return codec.from_json(DatasetManifest, self.s3.get_object(Bucket=self.data, Key=key)["Body"].read())

    def listed(self, prefix, bucket=""):
        """List keys."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket or self.data, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def objects(self, prefix, bucket=""):
        """Read all objects under a prefix."""
        bucket = bucket or self.data
        return {key: self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in self.listed(prefix, bucket)}

    def messages(self, url):
        """Count the messages of a queue: waiting, and on their way."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def _queue(self, name, **attributes):
        url = self.sqs.create_queue(QueueName=unique(name), Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def _machine(self, name, definition):
        made = self.states.create_state_machine(name=unique(name), definition=definition, roleArn=ROLE)
        return made["stateMachineArn"]

    def _layer(self, name, packed):
        made = self.functions.publish_layer_version(
            LayerName=unique(name), Content={"ZipFile": packed}, CompatibleRuntimes=["python3.11"]
        )
        return made["LayerVersionArn"]

    def _arn(self, name):
        return self.functions.get_function_configuration(FunctionName=name)["FunctionArn"]


def _with_jobs(platform):
    """Put the training jobs beside the package: the code version names them, too."""
    packed = io.BytesIO(platform)
    with zipfile.ZipFile(packed, "a") as archive:
        for path in sorted((ROOT / "training_jobs").glob("*.*")):
            archive.write(path, f"python/training_jobs/{path.name}")
    return packed.getvalue()


def _columnar(scratch: Path):
    """The columnar layer as `sam build` makes it."""
    built = build_layer("columnar", scratch)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(built.rglob("*")):
            if path.is_file():
                archive.write(path, f"python/{path.relative_to(built)}")
    return packed.getvalue()
