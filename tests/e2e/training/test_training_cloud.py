"""The training state machine runs on the embedded cloud: jobs are real processes, the functions answer as planted."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_parts import ROLE, end_of, make_bucket, make_function, of_the_product, unique, until, wait_for_function
from infolens import codec
from infolens.aws import executions
from infolens.aws.metrics import CloudWatchMetrics
from infolens.aws.objects import S3Objects
from infolens.aws.registry import DynamoRegistry
from infolens.aws.versions import LambdaVersions
from infolens.contracts.load import LoadReport
from infolens.contracts.rollout import Arm
from infolens.ingest.dataset import Head
from infolens.tasks import part_of
from infolens.usecases.training import prepare
from infolens.usecases.training_order import Tuning
from infolens_cli.demo import bad_bundles
from tiny_bundles import tiny_bundle
from training_fakes import CHAMPION, DATASET, ORDER, SETTINGS, training_ports

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

MACHINE = (Path(__file__).parents[3] / "state_machines" / "training.asl.json").read_text()
TRAIN = """
import json, os, pathlib, sys, time
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
name, mode = os.environ["TRAINING_JOB_NAME"], options.get("--mode", "good")
if "--dropout" in options:
    print("validation_macro_f1=" + {"0.1": "0.9", "0.5": "0.2"}[options["--dropout"]], flush=True)
    mode += options["--dropout"]
if mode == "fail" or (mode == "fail-once" and name.endswith("-0")):
    raise ValueError("the loss went up")
if mode == "hang":
    time.sleep(1200)
rows = pathlib.Path(os.environ["SM_CHANNEL_DATASET"], "part.parquet").read_text()
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps([options["--dataset-id"], rows, mode]))
"""
EXPORT = """
import os, pathlib, sys, tarfile
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with tarfile.open(pathlib.Path(options["--model"], "model.tar.gz")) as archive:
    model = archive.extractfile("model.json").read()
if b"unexportable" in model and not os.environ["PROCESSING_JOB_NAME"].startswith("resumed"):
    message = pathlib.Path(options["--output"]).parents[1] / "output" / "message"
    message.write_text("no such operator")
    sys.exit(1)
bundle = pathlib.Path(options["--output"], "bundle")
bundle.mkdir(parents=True)
(bundle / "model.onnx").write_bytes(model)
import infolens
(bundle / "manifest.json").write_text(infolens.NAME + " " + options["--task"])
(bundle.parent / "exact").mkdir()
(bundle.parent / "exact" / "quantisation.json").write_text("{}")
"""
EVALUATE = """
import pathlib, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
seen = sorted(path.name for name in ("--bundle", "--exact") for path in pathlib.Path(options[name]).iterdir())
pathlib.Path(options["--output"], "report.json").write_text(repr([options["--run-id"], seen]))
"""
SOURCES = {
    "train.py": TRAIN.encode(),
    "export.py": EXPORT.encode(),
    "evaluate.py": EVALUATE.encode(),
    "requirements.txt": b"",
    "infolens/__init__.py": b'NAME = "packed"\n',
}
SEEN = ["manifest.json", "model.onnx", "quantisation.json"]
"""What the evaluation job finds of an export."""

PASSED = {"passed": True, "reason": "all gates passed"}
ROLLOUT = json.dumps({"StartAt": "Go", "States": {"Go": {"Type": "Succeed"}}})


def answering(cloud, answer) -> str:
    """Make a function that always gives one answer, or raises what is named, and return its ARN."""
    body = f"    return json.loads({json.dumps(answer)!r})\n"
    if isinstance(answer, str):
        body = f"    class TrainingRefusedError(Exception): pass\n    raise TrainingRefusedError({answer!r})\n"
    name = make_function(cloud, f"import json\ndef handler(event, context):\n{body}")
    return str(cloud.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"])


class Run:
    """One run of the machine, with the state that prepare_training gives it and planted answers for the rest."""

    def __init__(self, cloud, mode="good", max_seconds=600, beside=None, name="run", **more):
        self.cloud = cloud
        self.data, self.models = (beside.data, beside.models) if beside else (make_bucket(cloud), make_bucket(cloud))
        self.run_id = unique(name)
        settings = replace(SETTINGS, data_bucket=self.data, models_bucket=self.models, training_role_arn=ROLE)
        self.order = replace(ORDER, run_id=self.run_id, max_seconds=max_seconds, hyperparameters={"mode": mode}, **more)
        store = S3Objects(cloud.client("s3"))
        folder = f"datasets/{self.order.task}/{self.order.dataset_id}"
        channel = [{"prefix": f"s3://{self.data}/parts/news_category/"}, "part.parquet"]
        store.write(self.data, f"{folder}/manifest.json", codec.to_json(DATASET))
        store.write(self.data, f"{folder}/channel.manifest", json.dumps(channel).encode())
        store.write(self.data, "parts/news_category/part.parquet", b"rows")
        self.prepared = prepare(self.order, SOURCES, replace(training_ports(settings=settings), objects=store))

    def start(self, *, prepared=None, parity=None, verdict=None, load=None, turn=None, **functions) -> "Run":
        """Start the execution; `functions` are ARNs that replace planted ones, by their placeholders."""
        states = self.cloud.client("stepfunctions")
        rollout = states.create_state_machine(name=unique("rollout"), definition=ROLLOUT, roleArn=ROLE)
        self.rollout_arn = rollout["stateMachineArn"]
        registered = {
            "version": "1",
            "bundle_digest": "d",
            "rollout_name": f"{self.run_id}-v1",
            "rollout_input": {**self.prepared["rollout"], "candidate": "1"},
        }
        arns = {
            "TakeTurnFunctionArn": turn or answering(self.cloud, {"answer": "go", "reason": "", "seconds": 0}),
            "PrepareTrainingFunctionArn": answering(self.cloud, prepared or self.prepared),
            "CheckParityFunctionArn": answering(self.cloud, {"digest": "d"} | (parity or PASSED)),
            "JudgeCandidateFunctionArn": answering(self.cloud, verdict or PASSED),
            "RegisterModelFunctionArn": answering(self.cloud, registered),
            "TestLoadFunctionArn": answering(self.cloud, load or PASSED),
            "RolloutStateMachineArn": self.rollout_arn,
            **functions,
        }
        definition = re.sub(r"\$\{(\w+)}", lambda found: arns[found[1]], MACHINE)
        machine = states.create_state_machine(name=unique("training"), definition=definition, roleArn=ROLE)
        self.machine_arn = machine["stateMachineArn"]
        fields = ("task", "dataset_id", "give_way")
        self.input = {field: getattr(self.order, field) for field in fields}
        started = states.start_execution(
            stateMachineArn=self.machine_arn, name=self.run_id, input=json.dumps(self.input)
        )
        self.execution_arn = started["executionArn"]
        return self

    def end(self) -> dict:
        """Wait for the end and describe the execution."""
        return end_of(self.cloud.client("stepfunctions"), self.execution_arn, limit_seconds=600)

    def states(self) -> list[str]:
        """Names of the states that it has entered."""
        pages = self.cloud.client("stepfunctions").get_paginator("get_execution_history")
        events = [event for page in pages.paginate(executionArn=self.execution_arn) for event in page["events"]]
        return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]

    def jobs(self) -> dict[str, str]:
        """Names and states of the training jobs of this run."""
        listed = self.cloud.client("sagemaker").list_training_jobs(NameContains=self.run_id)["TrainingJobSummaries"]
        return {job["TrainingJobName"]: job["TrainingJobStatus"] for job in listed}

    def read(self, key: str) -> str:
        """Text of an object of the models bucket."""
        path = f"runs/news_category/{self.run_id}/{key}"
        return self.cloud.client("s3").get_object(Bucket=self.models, Key=path)["Body"].read().decode()

    def rollouts(self) -> list[dict]:
        """Inputs of the rollouts that were started."""
        states = self.cloud.client("stepfunctions")
        listed = states.list_executions(stateMachineArn=self.rollout_arn)["executions"]
        return [json.loads(states.describe_execution(executionArn=each["executionArn"])["input"]) for each in listed]


class LoadTested:
    """The product's predict function with real bundles, and load tests of its versions as the product makes them."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.first = Run(cloud)
        self.began = datetime.now(UTC)
        self.prefix, self.table = f"{unique('predict')}-", unique("models")
        self.name = f"{self.prefix}news_category"
        of_the_product(cloud, "predict", self.name, TASK="news_category")
        cloud.client("dynamodb").create_table(
            TableName=self.table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "task", "AttributeType": "S"},
                {"AttributeName": "version", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": "version", "KeyType": "RANGE"}],
        )
        self.registry = DynamoRegistry(self.table, cloud.client("dynamodb"))

    def run(self, bundle: Path, digest: str, *, seconds: str, resume: str = "") -> Run:
        """Publish and register a bundle as a run would, and start the run around it."""
        run = Run(self.cloud, beside=self.first, resume=resume)
        pins = {
            "BUNDLE_URI": f"s3://{run.models}/bundles/{digest}/",
            "BUNDLE_DIGEST": digest,
            "RUN_ID": run.run_id,
            "DATASET_ID": run.order.dataset_id,
        }
        for path in bundle.iterdir():
            self.cloud.client("s3").upload_file(str(path), run.models, f"bundles/{digest}/{path.name}")
        self.version = LambdaVersions(self.cloud.client("lambda")).publish(self.name, pins, "")
        self.registry.put(replace(CHAMPION, version=self.version, bundle_digest=digest))
        reference = json.dumps({"inputs": [{"text": QUESTION, "label": "1"}] * 3, "scores": []}).encode()
        self.cloud.client("s3").put_object(
            Bucket=run.models, Key=f"runs/news_category/{resume or run.run_id}/export/reference.json", Body=reference
        )
        test = of_the_product(
            self.cloud,
            "test_load",
            MODELS_BUCKET=run.models,
            MODELS_TABLE=self.table,
            PREDICT_FUNCTION_PREFIX=self.prefix,
            LOAD_TEST_SECONDS=seconds,
            LOAD_TEST_USERS="2",
        )
        self.cloud.client("lambda").update_function_configuration(FunctionName=test, Timeout=300)
        wait_for_function(self.cloud.client("lambda"), test)
        registered = {
            "version": self.version,
            "bundle_digest": digest,
            "rollout_name": f"{run.run_id}-v{self.version}",
            "rollout_input": {**run.prepared["rollout"], "candidate": self.version},
        }
        return run.start(TestLoadFunctionArn=test, RegisterModelFunctionArn=answering(self.cloud, registered))

    def seen(self, version: str) -> Arm:
        """What a rollout would see of a version since the beginning."""
        metrics = CloudWatchMetrics(self.cloud.client("cloudwatch"))
        return metrics.arm("news_category", version, self.began, datetime.now(UTC))


FLIPS = {"passed": False, "reason": "parity label flips: 0.5000, at most 0.0300, n=400"}
BELOW = {"passed": False, "reason": "accuracy: 0.6100, floor 0.7000, n=500: below the floor"}
SLOW = {"passed": False, "reason": "load p95: 2797 ms, at most 500 ms, 50 users for 30.0 s, n=616, best of 3"}
QUESTION = "The senate met on Monday, and it will meet again. " * 8
TOO_FEW = "dataset x has 3 rows; news_category is worth training from 400"


@pytest.fixture(scope="module")
def runs(cloud) -> dict[str, Run]:
    """Every scenario, under way at the same time."""
    return {
        "good": Run(cloud).start(),
        "fails once": Run(cloud, mode="fail-once").start(),
        "fails": Run(cloud, mode="fail").start(),
        "hangs": Run(cloud, mode="hang", max_seconds=2).start(),
        "tuned": Run(cloud, tuning=Tuning("Grid", parameters={"dropout": [0.5, 0.1]})).start(),
        "export fails": Run(cloud, mode="unexportable").start(),
        "parity broken": Run(cloud).start(parity=FLIPS),
        "refused": Run(cloud).start(verdict=BELOW),
        "slow": Run(cloud).start(load=SLOW),
        "not worth training": Run(cloud).start(prepared=TOO_FEW),
    }


def test_from_dataset_to_rollout(runs):
    """Train, export and evaluate hand on what they made, and the rollout of the registered version is started."""
    run = runs["good"]
    ended = run.end()
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert run.read("export/bundle/model.onnx") == '["12e456789012", "rows", "good"]'
    assert run.read("export/bundle/manifest.json") == "packed news_category"
    assert run.read("evaluation/report.json") == repr([run.run_id, SEEN])
    assert run.rollouts() == [{"task": "news_category", "forced": False, "who": "state-machine", "candidate": "1"}]


def test_job_that_fails_once(runs):
    """A job that failed by itself is tried once more, under a fresh name, and the run goes on."""
    run = runs["fails once"]
    assert run.end()["status"] == "SUCCEEDED"
    assert run.jobs() == {f"{run.run_id}-train-0": "Failed", f"{run.run_id}-train-1": "Completed"}


def test_job_that_fails(runs):
    """A job that fails twice ends the run in Fail, with its own reason in the cause, and nothing is rolled out."""
    run = runs["fails"]
    ended = run.end()
    assert (ended["status"], ended["error"]) == ("FAILED", "JobFailed")
    assert "the loss went up" in ended["cause"]
    assert run.jobs() == {f"{run.run_id}-train-0": "Failed", f"{run.run_id}-train-1": "Failed"}
    assert run.rollouts() == []


def test_job_that_hangs(runs):
    """A job that hangs is stopped at its limit, and the run ends in Fail."""
    run = runs["hangs"]
    ended = run.end()
    assert (ended["status"], ended["error"]) == ("FAILED", "JobStopped")
    assert "it reached its limit" in ended["cause"]
    assert set(run.jobs().values()) == {"Stopped"}


def test_search_hands_on_its_best_model(runs):
    """A tuning job tries the values of the order, and the model of the training that validated best is exported."""
    run = runs["tuned"]
    ended = run.end()
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert run.read("export/bundle/model.onnx") == '["12e456789012", "rows", "good0.1"]'
    assert run.jobs() == {}, "it trained beside the search"
    (best,) = [json.loads(ended["output"])["tuned"]["BestTrainingJob"]]
    assert best["TunedHyperParameters"] == {"dropout": "0.1"}


def test_export_that_fails(runs):
    """A processing job that fails ends the run with the reason that it left as its exit message."""
    ended = runs["export fails"].end()
    assert (ended["status"], ended["error"]) == ("FAILED", "JobFailed")
    assert "no such operator" in ended["cause"]


def test_broken_parity(runs):
    """A bundle that does not answer as the trained model did is refused before it is evaluated."""
    run = runs["parity broken"]
    ended = run.end()
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "CandidateRefused", FLIPS["reason"])
    assert run.rollouts() == []


def test_refused_candidate(runs):
    """A refused verdict ends the run in Fail with the reasons of the gates."""
    run = runs["refused"]
    ended = run.end()
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "CandidateRefused", BELOW["reason"])
    assert run.rollouts() == []


def test_version_that_is_refused_under_load(runs):
    """A version that does not stand its users ends the run in Fail with the figures, and gets no traffic."""
    run = runs["slow"]
    ended = run.end()
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "LoadRefused", SLOW["reason"])
    assert run.rollouts() == []


def test_load_test_of_a_good_and_of_a_slow_model(cloud, tmp_path):
    """Two users ask the very version: the good one's rollout starts, the slow one of a resumed run is refused.

    The registry knows both, and nothing of it is in the metrics by which a rollout is judged.
    """
    tested = LoadTested(cloud)
    digest = tiny_bundle(tmp_path / "good")
    run = tested.run(tmp_path / "good", digest, seconds="5")
    ended = run.end()
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert [rollout["candidate"] for rollout in run.rollouts()] == ["1"]
    report = codec.from_json(LoadReport, run.read("load.json"))
    assert (report.version, report.bundle_digest, report.users) == ("1", digest, 2)
    assert report.warm_up.cold.count > 0
    limit = part_of("news_category", "gates").LOAD.max_p95_ms
    assert report.windows[-1].warm.p95_ms <= limit
    assert tested.registry.get("news_category", "1").load_passed is True
    asked = sum(window.requests for window in (report.warm_up, *report.windows))
    until(lambda: tested.seen("1-load").requests == asked)
    assert (tested.seen("1").requests, tested.seen("1").latency_mean_ms) == (0, None)

    slow = bad_bundles.slow(tmp_path / "good", tmp_path / "slow", seconds=2.0)
    resumed = tested.run(tmp_path / "slow", slow, seconds="1", resume=run.run_id)
    ended = resumed.end()
    assert (ended["status"], ended["error"]) == ("FAILED", "LoadRefused")
    assert (resumed.jobs(), resumed.rollouts()) == ({}, [])
    seen = codec.from_json(LoadReport, run.read("load.json"))
    told = (seen.warm_up, *seen.windows)  # how slow it is, the machine decides: some questions run into their limit
    assert any(window.failures.timed_out or window.warm.p95_ms > limit for window in told), ended["cause"]
    record = tested.registry.get("news_category", "2")
    assert record.load_passed is False
    assert "; ".join(record.load_reasons) == ended["cause"]


def test_refused_order(runs):
    """What is not worth training ends in Fail with the reason alone, and no job is started."""
    run = runs["not worth training"]
    ended = run.end()
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "TrainingRefused", TOO_FEW)
    assert run.jobs() == {}


def test_same_run_is_not_started_twice(cloud, runs):
    """The name of the execution says dataset and code: the same pair again finds the run that there was."""
    run = runs["good"]
    run.end()
    states = cloud.client("stepfunctions")
    assert executions.start(run.machine_arn, run.run_id, run.input | {"reason": "again"}, states) is False
    assert run.jobs() == {f"{run.run_id}-train-0": "Completed"}


def test_failed_export_is_resumed_without_another_training(cloud, runs):
    """The trained model of a run that failed later is exported, judged and rolled out as that run's."""
    first = runs["export fails"]
    assert first.end()["status"] == "FAILED"
    second = Run(cloud, name="resumed", beside=first, resume=first.run_id).start()
    ended = second.end()
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert second.jobs() == {}
    assert first.read("export/bundle/model.onnx") == '["12e456789012", "rows", "unexportable"]'
    assert first.read("evaluation/report.json") == repr([first.run_id, SEEN])
    assert len(second.rollouts()) == 1


def test_trainings_of_a_task_wait_for_their_turn(cloud):
    """One goes on; an older dataset gives way to a newer one; when the owner has died the next one goes on."""
    owner = Run(cloud, mode="hang")
    upload, operator = (Run(cloud, beside=owner, give_way=give_way) for give_way in (True, False))
    turn = of_the_product(cloud, "take_turn", DATA_BUCKET=owner.data, MODELS_BUCKET=owner.models)
    owner.start(turn=turn)
    until(owner.jobs)
    for run in (upload, operator):
        run.start(turn=turn)
    for run in (upload, operator):
        until(lambda run=run: "WaitForTurn" in run.states())
        assert run.jobs() == {}
    head = codec.to_json(Head("news_category", "a-newer-dataset"))
    cloud.client("s3").put_object(Bucket=owner.data, Key="datasets/news_category/head.json", Body=head)
    ended = upload.end()
    assert (ended["status"], ended["error"]) == ("FAILED", "GaveWay")
    assert "a-newer-dataset is newer than 12e456789012" in ended["cause"]
    assert "PrepareTraining" not in operator.states()
    cloud.client("stepfunctions").stop_execution(executionArn=owner.execution_arn)
    ended = operator.end()
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert upload.jobs() == {}
