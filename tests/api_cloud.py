"""Deploys the template's API, and what belongs to it, around tiny models in an embedded cloud, and calls it."""

import json
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cloud_parts import ROLE, log_lines, make_bucket, unique, until, wait_for_function, zip_of
from rollout_cloud import platform_layer

ROOT = Path(__file__).parents[1]
TEXT = "The senate vote on the election bill came as a surprise to party leaders on Monday."

HEAD = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  CodeBucket: {Type: String}
  Layer: {Type: String}
  LogRetentionDays: {Type: Number, Default: 1}
Globals:
  Function: {Runtime: python3.11, Handler: handler.handler, Layers: [!Ref Layer]}
Resources:
"""

API = ("PredictionsTable", "RolloutsTable", "ObservationsTable", "ShadowQueue", "ShadowDeadLetters", "Api", "PublicApi")
"""Resources of the template that the API needs."""

OUTPUTS = """
Outputs:
  ApiId: {Value: !Ref PublicApi}
  KeyId: {Value: !Ref PublicApiApiKey}
  Table: {Value: !Ref PredictionsTable}
  Rollouts: {Value: !Ref RolloutsTable}
  Observations: {Value: !Ref ObservationsTable}
"""

MODEL = """
import json, os, time

def handler(event, context):
    print("asked", event["request_id"])
    time.sleep(float(os.environ["SECONDS"]))
    if os.environ["FAULT"]:
        raise RuntimeError("planted")
    answer = json.loads(os.environ["ANSWER"])
    print(json.dumps({
        "observed": True, "task": context.function_name.rpartition("-")[2], "prediction_id": event["request_id"],
        "purpose": event.get("purpose", ""), "model_version": context.function_version, "status": 200, "null": False,
        "answer": answer, "milliseconds": 1.0, "cold": False, "gb": 1.0}))
    return {"status": 200, "model_version": context.function_version, "dataset_id": "data", "run_id": "run",
            "bundle_digest": "digest", "answers": [answer] * len(event["inputs"])}
"""

ANSWERS = {
    "news_summary": {"summary": "A vote came as a surprise."},
    "fake_news": {"label_id": 0, "label": "real", "confidence": 0.9},
    "news_category": {"label_id": 1, "label": "Politics", "confidence": 0.8},
}


@dataclass(frozen=True)
class Reply:
    """An answer as it came over HTTP."""

    status: int
    body: dict
    headers: dict


class Api:
    """The deployed API, and the three models that it asks."""

    def __init__(self, cloud, resources=API):
        """Deploy resources of the template; all functions among them run this checkout's code."""
        self.cloud, self.stack = cloud, unique("api")
        self._template = HEAD + "".join(stanza(name) for name in resources) + OUTPUTS
        functions = cloud.client("lambda")
        layer = functions.publish_layer_version(LayerName=unique("platform"), Content={"ZipFile": platform_layer()})
        bucket = make_bucket(cloud)
        for folder in re.findall(r"Key: (\w+)\.zip", self._template):
            source = (ROOT / "functions" / folder / "handler.py").read_text("utf-8")
            cloud.client("s3").put_object(Bucket=bucket, Key=f"{folder}.zip", Body=zip_of({"handler.py": source}))
        with ThreadPoolExecutor(4) as pool:
            made = [pool.submit(self.publish, task, answer) for task, answer in ANSWERS.items()]
            outputs = self._deploy({"CodeBucket": bucket, "Layer": layer["LayerVersionArn"]})
            for task, publishing in zip(ANSWERS, made, strict=True):
                functions.create_alias(
                    FunctionName=self.function(task), Name="live", FunctionVersion=publishing.result()
                )
        self.table, self.rollouts, self.observations = (outputs[name] for name in ("Table", "Rollouts", "Observations"))
        self.url = f"{cloud.endpoint_url}/_aws/execute-api/{outputs['ApiId']}/v1"
        self.key = cloud.client("apigateway").get_api_key(apiKey=outputs["KeyId"], includeValue=True)["value"]

    def function(self, task):
        """Name of a task's predict function."""
        return f"{self.stack}-predict-{task}"

    def publish(self, task, answer, *, fault="", seconds=0.0):
        """Publish the next version of a task's model and return its number."""
        functions, name = self.cloud.client("lambda"), self.function(task)
        variables = {"ANSWER": json.dumps(answer), "FAULT": fault, "SECONDS": str(seconds)}
        try:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        except functions.exceptions.ResourceNotFoundException:
            functions.create_function(
                FunctionName=name,
                Runtime="python3.11",
                Handler="index.handler",
                Role=ROLE,
                Code={"ZipFile": zip_of({"index.py": MODEL})},
                Environment={"Variables": variables},
                Timeout=10,
            )
        wait_for_function(functions, name)
        version = functions.publish_version(FunctionName=name)["Version"]
        wait_for_function(functions, name, Qualifier=version)
        return version

    def move(self, task, version, candidate="", weight=0.0):
        """Point a task's alias at a champion, and perhaps at a candidate."""
        self.cloud.client("lambda").update_alias(
            FunctionName=self.function(task),
            Name="live",
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": {candidate: weight} if candidate else {}},
        )

    def asked(self, task, prediction_id):
        """How often a task's model has been asked about an id."""
        lines = log_lines(self.cloud, f"/aws/lambda/{self.function(task)}")
        return sum(f"asked {prediction_id}" == line.strip() for line in lines)

    def send(self, path, body=None, *, key=None, **headers):
        """Send a request, GET without a body, and read the reply."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {"x-api-key": self.key if key is None else key, "content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Reply(answer.status, json.loads(answer.read()), dict(answer.headers.items()))
        except urllib.error.HTTPError as refusal:
            return Reply(refusal.code, json.loads(refusal.read()), dict(refusal.headers.items()))

    def predict(self, prediction_id, text=TEXT):
        """S0's call."""
        return self.send("/predict", {"prediction_id": prediction_id, "text": text})

    def _deploy(self, parameters):
        formation = self.cloud.client("cloudformation")
        change = formation.create_change_set(
            StackName=self.stack,
            ChangeSetName=unique("change"),
            ChangeSetType="CREATE",
            TemplateBody=self._template,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )["Id"]

        def planned():
            seen = formation.describe_change_set(ChangeSetName=change)
            assert seen["Status"] != "FAILED", seen.get("StatusReason")
            return seen["Status"] == "CREATE_COMPLETE"

        until(planned)
        formation.execute_change_set(ChangeSetName=change)

        def ended():
            seen = formation.describe_stacks(StackName=self.stack)["Stacks"][0]
            return seen if seen["StackStatus"] != "CREATE_IN_PROGRESS" and "Outputs" in seen else None

        return {output["OutputKey"]: output["OutputValue"] for output in until(ended)["Outputs"]}


def stanza(name):
    """One resource of the template, word for word but for where its code lies."""
    text = (ROOT / "template.yaml").read_text("utf-8")
    found = re.search(rf"^  {name}:(?:\n(?:    .*\n)+| .*\n)", text, re.MULTILINE)[0]
    return re.sub(r"CodeUri: functions/(\w+)", r"CodeUri: {Bucket: !Ref CodeBucket, Key: \1.zip}", found) + "\n"
