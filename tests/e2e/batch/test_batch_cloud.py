"""A batch in the embedded cloud: the real functions and state machine over a tiny predict function."""

import csv
import io
import json
import re

import pytest

from cloud_parts import ROLE, make_bucket, make_function, unique, until, wait_for_function, zip_of
from infolens import codec
from infolens.contracts import keys
from infolens.contracts.batch import BatchOrder
from infolens.contracts.dataset import BatchReport, UploadRef
from infolens.ingest.identity import upload_id_of
from rollout_cloud import ROOT, platform_layer

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]

PREDICT = """
def handler(event, context):
    if any("poison" in item["text"] for item in event["inputs"]):
        raise RuntimeError("poisoned")
    answers = [{"label_id": len(item["text"]) % 10, "label": item["text"][:8]} for item in event["inputs"]]
    return {"status": 200, "model_version": context.function_version, "dataset_id": "d", "run_id": "r",
            "bundle_digest": "b", "answers": answers}
"""
TEXT = "row {:05d} of a file that an editor wants to have answered"


class Batches:
    """The state machine of batches, its functions and its buckets."""

    def __init__(self, cloud):
        self.cloud, self.states, self.s3 = cloud, cloud.client("stepfunctions"), cloud.client("s3")
        self.uploads, self.data = make_bucket(cloud), make_bucket(cloud)
        functions = cloud.client("lambda")
        layer = functions.publish_layer_version(
            LayerName=unique("platform"), Content={"ZipFile": platform_layer()}, CompatibleRuntimes=["python3.11"]
        )["LayerVersionArn"]
        prefix = unique("predict") + "-"
        functions.create_function(
            FunctionName=f"{prefix}news_category",
            Runtime="python3.11",
            Handler="index.handler",
            Role=ROLE,
            Code={"ZipFile": zip_of({"index.py": PREDICT})},
        )
        wait_for_function(functions, f"{prefix}news_category")
        functions.publish_version(FunctionName=f"{prefix}news_category")
        functions.create_alias(FunctionName=f"{prefix}news_category", Name="live", FunctionVersion="1")
        variables = {"DATA_BUCKET": self.data, "PREDICT_FUNCTION_PREFIX": prefix, "POWERTOOLS_TRACE_DISABLED": "true"}

        def arn(folder):
            name = make_function(
                cloud,
                (ROOT / "functions" / folder / "handler.py").read_text("utf-8"),
                Layers=[layer],
                Timeout=120,
                MemorySize=512,
                Environment={"Variables": {**variables, "POWERTOOLS_SERVICE_NAME": folder}},
            )
            return functions.get_function_configuration(FunctionName=name)["FunctionArn"]

        arns = {
            f"{f.title().replace('_', '')}FunctionArn": arn(f)
            for f in ("split_batch", "answer_chunk", "assemble_batch")
        }
        text = (ROOT / "state_machines" / "batch.asl.json").read_text("utf-8")
        self.machine = self.states.create_state_machine(
            name=unique("batch"), definition=re.sub(r"\$\{(\w+)\}", lambda found: arns[found[1]], text), roleArn=ROLE
        )["stateMachineArn"]

    def run(self, task, name, data):
        """Put a file and run the machine to its end: DescribeExecution's answer and the report."""
        key = keys.batch_upload(task, name)
        etag = self.s3.put_object(Bucket=self.uploads, Key=key, Body=data)["ETag"]
        source = UploadRef(self.uploads, key, etag)
        order = BatchOrder(upload_id_of(source), task, source, "")
        execution = self.states.start_execution(
            stateMachineArn=self.machine, name=order.upload_id, input=json.dumps(codec.to_dict(order))
        )["executionArn"]

        def ended():
            seen = self.states.describe_execution(executionArn=execution)
            return None if seen["status"] == "RUNNING" else seen

        seen = until(ended, 240)
        report = self.s3.get_object(Bucket=self.uploads, Key=keys.batch_report(task, order.upload_id))["Body"].read()
        return seen, codec.from_json(BatchReport, report)


@pytest.fixture(scope="module")
def batches(cloud):
    """Everything that a batch meets behind its queue."""
    return Batches(cloud)


def test_a_file_of_several_chunks_comes_back_in_its_order(batches):
    """Through the distributed map; a row that breaks the model and one that is too short are listed with reasons."""
    texts = [TEXT.format(number) for number in range(600)]
    texts[300] += " poison"
    texts[599] = "short"
    out = io.StringIO()
    csv.writer(out).writerows([["id", "text"], *([str(number), text] for number, text in enumerate(texts))])
    seen, report = batches.run("news_category", "many.csv", out.getvalue().encode())

    assert seen["status"] == "SUCCEEDED"
    assert (report.rows_in, report.rows_answered, report.rows_failed) == (600, 598, 2)
    assert report.model_versions == {"1": 598}
    found = batches.s3.get_object(Bucket=batches.uploads, Key="batch/news_category/many.csv.results.csv")["Body"].read()
    rows = list(csv.DictReader(io.StringIO(found.decode(), newline="")))
    assert [row["text"] for row in rows] == texts
    assert [number for number, row in enumerate(rows) if row["problem"]] == [300, 599]
    assert all(row["label"] == row["text"][:8] for row in rows if not row["problem"])


def test_a_file_that_is_none_ends_as_refused(batches):
    """The execution fails with the reason, and the report has it too."""
    seen, report = batches.run("news_category", "empty.csv", b"")
    assert (seen["status"], seen["error"]) == ("FAILED", "BatchRefused")
    assert seen["cause"] == report.reason
    assert report.reason.startswith("the file is empty (0 bytes)")


def test_a_task_without_a_model_ends_as_refused(batches):
    """Nothing serves it, so nothing is made up."""
    text = "A comment that is long enough to be asked about by anybody at all."
    seen, report = batches.run("toxicity", "early.csv", f"text\n{text}\n".encode())
    assert (seen["status"], seen["error"]) == ("FAILED", "BatchRefused")
    assert report.reason.startswith("no model of toxicity is live yet")
    assert report.results_key == ""
