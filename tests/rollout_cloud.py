"""Builds the rollout's own functions, tables and state machine in an embedded cloud, around tiny predict functions."""

import io
import itertools
import json
import re
import sysconfig
import threading
import time
import zipfile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cloud_parts import ROLE, make_function, unique, until, wait_for_function, zip_of
from infolens.aws.alias import LambdaAliases
from infolens.aws.observations import DynamoObservations
from infolens.aws.registry import DynamoRegistry
from infolens.aws.rollouts import DynamoRollouts
from infolens.contracts.model import ModelRecord
from observation_fakes import make_observations_table

ROOT = Path(__file__).resolve().parents[1]
LAYER_PARTS = (
    "annotated_types",
    "aws_lambda_powertools",
    "aws_xray_sdk",
    "jmespath",
    "pydantic",
    "pydantic_core",
    "typing_extensions.py",
    "typing_inspection",
    "wrapt",
)

PREDICT = """
import json, os, time

def handler(event, context):
    fault, latency = json.loads(os.environ["BEHAVIOUR"])
    print(json.dumps({
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{
            "Namespace": "InfoLens", "Dimensions": [["task", "model_version"]],
            "Metrics": [{"Name": "Faults", "Unit": "Count", "StorageResolution": 1},
                        {"Name": "Latency", "Unit": "Milliseconds", "StorageResolution": 1}]}]},
        "task": os.environ["TASK"], "model_version": context.function_version,
        "Faults": fault, "Latency": latency}))
    return {"status": 500 if fault else 200, "model_version": context.function_version}
"""

GOOD, FAULTY, SLOW = (0, 10.0), (1, 10.0), (0, 5000.0)
"""What a planted version does: a handled 5xx or not, and milliseconds that it claims."""


def platform_layer():
    """The platform layer as a .zip, from this checkout and this environment."""
    packed = io.BytesIO()
    site = Path(sysconfig.get_paths()["purelib"])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for base, parts in ((site, LAYER_PARTS), (ROOT / "layers" / "platform", ("infolens",))):
            for part in parts:
                found = base / part
                for file in [found] if found.is_file() else sorted(found.rglob("*")):
                    if file.is_file() and "__pycache__" not in file.parts:
                        archive.write(file, f"python/{file.relative_to(base)}")
    return packed.getvalue()


class RolloutCloud:
    """One deployment of everything that rollouts need."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.functions = cloud.client("lambda")
        self.states = cloud.client("stepfunctions")
        self.prefix = unique("predict") + "-"
        self.models_table, self.rollouts_table = unique("models"), unique("rollouts")
        self.observations_table = unique("observations")
        self._tables()
        self.registry = DynamoRegistry(self.models_table, cloud.client("dynamodb"))
        self.store = DynamoRollouts(self.rollouts_table, cloud.client("dynamodb"))
        self.observations = DynamoObservations(self.observations_table, cloud.client("dynamodb"))
        self.aliases = LambdaAliases(self.functions)
        self.arns = self._functions()
        self.machine = self.state_machine(self.arns)

    def state_machine(self, arns):
        """Create the state machine around functions by placeholder."""
        text = (ROOT / "state_machines" / "rollout.asl.json").read_text("utf-8")
        definition = re.sub(r"\$\{(\w+)\}", lambda found: arns[found[1]], text)
        return self.states.create_state_machine(name=unique("rollout"), definition=definition, roleArn=ROLE)[
            "stateMachineArn"
        ]

    def publish(self, task, version, behaviour, *, passed=True, pinned=None):
        """Publish and register the next version of a task's predict function."""
        name = f"{self.prefix}{task}"
        digest = f"digest-{version}"
        variables = {"TASK": task, "BEHAVIOUR": json.dumps(behaviour), "BUNDLE_DIGEST": pinned or digest}
        if version == "1":
            self.functions.create_function(
                FunctionName=name,
                Runtime="python3.11",
                Handler="index.handler",
                Role=ROLE,
                Code={"ZipFile": zip_of({"index.py": PREDICT})},
                Environment={"Variables": variables},
                Timeout=30,
                MemorySize=256,
            )
        else:
            self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        wait_for_function(self.functions, name)
        assert self.functions.publish_version(FunctionName=name)["Version"] == version
        wait_for_function(self.functions, name, Qualifier=version)
        self.registry.put(
            ModelRecord(
                task=task,
                version=version,
                bundle_uri=f"s3://models/bundles/{task}/{digest}/",
                bundle_digest=digest,
                run_id="run",
                dataset_id="dataset",
                code_version="code",
                metrics={},
                verdict_passed=passed,
                verdict_reasons=() if passed else ("accuracy 0.61 is under 0.70 (n=1121)",),
                registered_at="2026-03-01T12:00:00+00:00",
                registered_by="state-machine",
            )
        )

    def start(self, task, candidate, plan, machine=None, **more):
        """Start a rollout; returns the execution's ARN."""
        document = {"task": task, "candidate": candidate, "plan": plan, **more}
        return self.states.start_execution(
            stateMachineArn=machine or self.machine, name=unique("r"), input=json.dumps(document)
        )["executionArn"]

    def ended(self, execution, limit_seconds=400.0):
        """Wait for the end of an execution: (status, error, cause)."""

        def look():
            seen = self.states.describe_execution(executionArn=execution)
            return seen if seen["status"] != "RUNNING" else None

        seen = until(look, limit_seconds, every=0.2)
        return seen["status"], seen.get("error", ""), seen.get("cause", "")

    def went_through(self, execution):
        """Types of the events of an execution so far."""
        return [event["type"] for event in self.states.get_execution_history(executionArn=execution)["events"]]

    def live(self, task):
        """Who gets what: champion, candidate, weight."""
        alias = self.aliases.read(f"{self.prefix}{task}")
        return (alias.champion, alias.candidate, alias.weight) if alias else None

    def told(self, task):
        """The history in short."""
        return [(event.event, event.weight) for event in self.store.history(task)]

    def over(self, task, count):
        """Whether so many rollouts of a task have ended, by its history; the alias is moved before that is written."""
        return sum(event in {"promoted", "rolled_back", "expired", "aborted"} for event, _ in self.told(task)) >= count

    def alarm_names(self):
        """Names of all alarms of rollouts."""
        alarms = self.cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="infolens-rollout")["MetricAlarms"]
        return [alarm["AlarmName"] for alarm in alarms]

    def _tables(self):
        for table, key, kind in ((self.models_table, "version", "N"), (self.rollouts_table, "item", "S")):
            self.cloud.client("dynamodb").create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "task", "AttributeType": "S"},
                    {"AttributeName": key, "AttributeType": kind},
                ],
                KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": key, "KeyType": "RANGE"}],
            )

        make_observations_table(self.cloud.client("dynamodb"), self.observations_table)

    def _functions(self):
        layer = self.functions.publish_layer_version(
            LayerName=unique("platform"), Content={"ZipFile": platform_layer()}, CompatibleRuntimes=["python3.11"]
        )["LayerVersionArn"]
        variables = {
            "MODELS_TABLE": self.models_table,
            "ROLLOUTS_TABLE": self.rollouts_table,
            "OBSERVATIONS_TABLE": self.observations_table,
            "PREDICT_FUNCTION_PREFIX": self.prefix,
            "POWERTOOLS_METRICS_NAMESPACE": "InfoLens",
            "POWERTOOLS_TRACE_DISABLED": "true",
        }
        self.layer, self.variables = layer, variables
        variables["TAKE_BACK_FUNCTION_ARN"] = self._function("take_back")
        names = ("begin_rollout", "collect_evidence", "decide_rollout", "apply_decision")
        return {f"{name.title().replace('_', '')}FunctionArn": self._function(name) for name in names}

    def _function(self, folder):
        source = (ROOT / "functions" / folder / "handler.py").read_text("utf-8")
        name = make_function(
            self.cloud,
            source,
            Layers=[self.layer],
            Timeout=60,
            MemorySize=512,
            Environment={"Variables": {**self.variables, "POWERTOOLS_SERVICE_NAME": folder}},
        )
        return self.functions.get_function_configuration(FunctionName=name)["FunctionArn"]


class Traffic:
    """Calls a task's live alias again and again in a thread; used as a context.

    A call that fails is kept in ``refusals`` and the next one made; an error inside the context tells of them.
    """

    def __init__(self, deployment, task, per_second=15):
        self._invoke = deployment.cloud.client("lambda").invoke
        self._name, self._pause = f"{deployment.prefix}{task}", 1 / per_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answers = []
        """(when it was asked in seconds since the epoch, executed version) of every call that was answered."""
        self.refusals = []
        """(when it was asked, what was said) of every other call."""

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, _, error, __):
        self._stop.set()
        self._thread.join()  # ends with its last call, whose time is limited
        if error is not None:
            error.add_note(f"Traffic: {self}")

    def __str__(self):
        return f"{len(self.answers)} answers, {len(self.refusals)} refusals, the last of them {self.refusals[-3:]}"

    def _run(self):
        for _ in itertools.count():
            if self._stop.wait(self._pause):
                return
            asked = time.time()
            try:
                answer = self._invoke(FunctionName=self._name, Qualifier="live", Payload=b"{}")
            except (ClientError, BotoCoreError) as refusal:  # a throttled call, say, is no reason to fall silent
                self.refusals.append((asked, str(refusal)))
            else:
                self.answers.append((asked, answer["ExecutedVersion"]))
