"""The four functions of the training state machine in a row, as Lambda loads them, over moto's S3, DynamoDB and Lambda.

What the three jobs would have written is put into the bucket between the steps.
"""

import importlib.util
import io
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from moto.awslambda.models import LambdaFunction

from infolens import code, codec
from infolens import settings as settings_module
from infolens.aws import clients
from infolens.aws.registry import DynamoRegistry
from infolens.contracts.evaluation import EvaluationReport, Quantisation, Verdict
from infolens.ml.bundle import verify
from infolens.tasks import part_of
from infolens.usecases.training_order import TrainingRefusedError
from serving_fakes import DRAFT
from tiny_bundles import tiny_bundle
from training_fakes import DATASET, RUN

FUNCTIONS = Path(__file__).parents[2] / "functions"
PREFIX = f"runs/news_category/{RUN}/"
TEXTS = ["the senate met again", "a goal in the last minute", "nothing of either kind"] * 40
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "test",
    "DATA_BUCKET": "data",
    "MODELS_BUCKET": "models",
    "MODELS_TABLE": "models",
    "PREDICT_FUNCTION_PREFIX": "infolens-predict-",
    "TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/training",
    "TRAINING_IMAGE_URI": "training:1",
    "PROCESSING_IMAGE_URI": "processing:1",
    "TRAINING_INSTANCE_TYPE": "ml.g5.xlarge",
    "PROCESSING_INSTANCE_TYPE": "ml.m5.xlarge",
    "TRAINING_PROFILE": "cpu",
    "TRAINING_MAX_SECONDS": "3600",
}


@dataclass
class Context:
    """What the Lambda runtime hands over beside the event."""

    function_name: str = "step"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:step"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"


def step(folder: str, event: dict) -> dict:
    """Load a handler's module and call it."""
    spec = importlib.util.spec_from_file_location(f"{folder}_handler", FUNCTIONS / folder / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return json.loads(json.dumps(module.handler(event, Context())))


@pytest.fixture
def aws(monkeypatch):
    """Buckets, table and predict function, and a dataset that is worth training on."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    # Lambda always tells a revision, moto never; that a stale one is refused is shown on the embedded cloud.
    told = LambdaFunction.get_configuration
    monkeypatch.setattr(LambdaFunction, "get_configuration", lambda *a, **k: {**told(*a, **k), "RevisionId": "r"})
    with mock_aws():
        clients.client.cache_clear()
        settings_module.settings.cache_clear()
        for bucket in ("data", "models"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        boto3.client("dynamodb").create_table(
            TableName="models",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "task", "AttributeType": "S"},
                {"AttributeName": "version", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": "version", "KeyType": "RANGE"}],
        )
        trust = {"Version": "2012-10-17", "Statement": []}
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("handler.py", "")
        boto3.client("lambda").create_function(
            FunctionName="infolens-predict-news_category",
            Runtime="python3.11",
            Role=role["Role"]["Arn"],
            Handler="handler.handler",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {"TASK": "news_category"}},
        )
        put("data", f"datasets/news_category/{DATASET.dataset_id}/manifest.json", codec.to_json(DATASET))
        yield
    clients.client.cache_clear()
    settings_module.settings.cache_clear()


def put(bucket: str, key: str, data: bytes) -> None:
    """Put an object."""
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=data)


def prepare() -> dict:
    """The first step."""
    order = {"task": "news_category", "dataset_id": DATASET.dataset_id, "reason": "test", "plan": {"weights": [100]}}
    return step("prepare_training", {"run_id": RUN, "input": order})


@pytest.fixture
def exported(aws, tmp_path):
    """Give a function that leaves what the export job would: a bundle, and the reference of the model it came from."""
    made = []

    def export(disturbed: bool = False) -> str:
        draft = replace(DRAFT, run_id=RUN, dataset_id=DATASET.dataset_id)
        digest = tiny_bundle(tmp_path / "bundle", draft=draft)
        made.append(Path(tempfile.gettempdir()) / digest)
        for path in (tmp_path / "bundle").iterdir():
            put("models", f"{PREFIX}export/bundle/{path.name}", path.read_bytes())
        predictor = part_of("news_category", "predict").load(tmp_path / "bundle", verify(tmp_path / "bundle", digest))
        inputs = [{"text": text} for text in TEXTS]
        scores = predictor.scores(inputs)
        reference = {"inputs": inputs, "scores": (scores[:, ::-1] if disturbed else scores).tolist()}
        put("models", f"{PREFIX}export/reference.json", json.dumps(reference).encode())
        return digest

    yield export
    for directory in made:
        shutil.rmtree(directory, ignore_errors=True)


def evaluated(digest: str, accuracy: float = 0.9) -> None:
    """Leave what the evaluation job would."""
    metrics = {gate.metric: accuracy for gate in part_of("news_category", "gates").GATES}
    report = EvaluationReport(
        "news_category",
        RUN,
        DATASET.dataset_id,
        digest,
        5000,
        metrics,
        {},
        "",
        {},
        quantisation=Quantisation("", "none"),
    )
    put("models", f"{PREFIX}evaluation/report.json", codec.to_json(report))


def named(state: dict, *names: str) -> dict:
    """The part of the machine's state that a step gets."""
    return {name: state[name] for name in names}


def test_from_dataset_to_version(aws, exported):
    """Prepared, checked, judged and registered: the published version pins the digest that was judged."""
    state = prepare()
    digest = exported()
    parity = step("check_parity", named(state, "task", "run_id", "dataset_id"))
    assert (parity["digest"], parity["passed"]) == (digest, True), parity
    evaluated(digest)
    verdict = step("judge_candidate", named(state, "task", "run_id", "champion"))
    assert verdict["passed"], verdict
    registered = step("register_model", {**named(state, "task", "run_id", "rollout"), "digest": digest})
    assert registered == {
        "version": "1",
        "bundle_digest": digest,
        "rollout_name": f"{code.job_name(RUN)}-v1",
        "rollout_input": {
            "task": "news_category",
            "forced": False,
            "who": "state-machine",
            "plan": {"weights": [100]},
            "candidate": "1",
        },
    }
    published = boto3.client("lambda").get_function_configuration(
        FunctionName="infolens-predict-news_category", Qualifier="1"
    )
    assert published["Environment"]["Variables"] == {
        "TASK": "news_category",
        "BUNDLE_URI": f"s3://models/bundles/news_category/{digest}/",
        "BUNDLE_DIGEST": digest,
        "RUN_ID": RUN,
        "DATASET_ID": DATASET.dataset_id,
    }
    record = DynamoRegistry("models").get("news_category", "1")
    assert (record.verdict_passed, record.registered_by, record.bundle_digest) == (True, "state-machine", digest)
    again = step("register_model", {**named(state, "task", "run_id", "rollout"), "digest": digest})
    assert again == registered


def test_code_lies_where_the_job_looks(aws):
    """The tarball of the checkout's own sources is there before the job is started."""
    state = prepare()
    uri = json.loads(state["train"]["HyperParameters"]["sagemaker_submit_directory"])
    key = uri.removeprefix("s3://models/")
    packed = boto3.client("s3").get_object(Bucket="models", Key=key)["Body"].read()
    assert packed == code.archive(code.sources(*code.places()))
    assert state["code_version"] == code.code_version()


def test_disturbed_export(exported):
    """A bundle that does not answer as the trained model did is refused, and the judge would refuse it too."""
    state = prepare()
    digest = exported(disturbed=True)
    parity = step("check_parity", named(state, "task", "run_id", "dataset_id"))
    assert not parity["passed"]
    assert "parity label flips" in parity["reason"]
    evaluated(digest)
    assert not step("judge_candidate", named(state, "task", "run_id", "champion"))["passed"]


def test_altered_export(exported):
    """Weights that were changed in the bucket after the export are refused by their digest."""
    state = prepare()
    exported()
    put("models", f"{PREFIX}export/bundle/model.onnx", b"other weights")
    parity = step("check_parity", named(state, "task", "run_id", "dataset_id"))
    assert not parity["passed"]
    assert parity["reason"].startswith("bundle digest: model.onnx: has ")


def test_weak_candidate(exported):
    """An accuracy under the floor is refused in words, and the verdict is kept."""
    state = prepare()
    digest = exported()
    step("check_parity", named(state, "task", "run_id", "dataset_id"))
    evaluated(digest, accuracy=0.3)
    verdict = step("judge_candidate", named(state, "task", "run_id", "champion"))
    assert not verdict["passed"]
    assert "accuracy: 0.3000, floor 0.7000, n=5000: below the floor" in verdict["reason"]
    kept = boto3.client("s3").get_object(Bucket="models", Key=f"{PREFIX}verdict.json")["Body"].read()
    assert not codec.from_json(Verdict, kept).passed


@pytest.mark.parametrize("order", [{}, {"task": "news_category"}, {"task": 1, "dataset_id": "x"}])
def test_malformed_order(aws, order):
    """An input that is no order is refused by the error that the state machine knows."""
    with pytest.raises(TrainingRefusedError, match="is not a training order"):
        step("prepare_training", {"run_id": RUN, "input": order})
