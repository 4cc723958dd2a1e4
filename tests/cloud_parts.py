"""What the tests of the embedded cloud build with: tiny functions, tiny jobs, and waiting for a condition."""

import io
import json
import tarfile
import time
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::000000000000:role/test"


@dataclass(frozen=True)
class Cloud:
    """A running embedded cloud, as tests see it."""

    endpoint_url: str
    state_dir: Path

    def client(self, service):
        """Return a boto3 client of the service, without retries: a failure shows at once."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, read_timeout=180),
        )


def unique(prefix):
    """Return a name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def until(look, limit_seconds=120.0, every=0.05):
    """Return what ``look`` returns as soon as that is true; fail when it is not within the limit.

    The limit only bounds the waiting for what never comes: it is no claim, and a busy machine must not reach it.
    """
    deadline = time.monotonic() + limit_seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_seconds} s; last seen: {seen!r}")
        time.sleep(every)


def zip_of(files):
    """Return a .zip of file name to text."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def tarball_of(files):
    """Return a .tar.gz of file name to text."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def files_in(tarball):
    """Return file name to text of a .tar.gz."""
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        return {entry.name: archive.extractfile(entry).read().decode() for entry in archive if entry.isfile()}


def make_function(cloud, source, **settings):
    """Create a function from the text of its module and return its name once it is active."""
    name = settings.pop("FunctionName", "") or unique("fn")
    function = cloud.client("lambda")
    function.create_function(
        FunctionName=name,
        Handler="index.handler",
        **{
            "Code": {"ZipFile": zip_of({"index.py": source})},
            "Runtime": "python3.11",
            "Role": ROLE,
            "Timeout": 30,
            "MemorySize": 256,
            **settings,
        },
    )
    wait_for_function(function, name)
    return name


# A function of the product, from this checkout and with the packages of the tests: no build is needed.
PRODUCT = """
import importlib.util, sys
sys.path[:0] = {paths!r}
spec = importlib.util.spec_from_file_location("product_handler", {handler!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
handler = module.handler
"""


def of_the_product(cloud, folder, name="", **variables):
    """Make a function of functions/ and return its ARN."""
    root = Path(__file__).parents[1]
    paths = [str(root / "layers" / "platform"), str(Path(boto3.__file__).parents[1])]
    source = PRODUCT.format(paths=paths, handler=str(root / "functions" / folder / "handler.py"))
    settings = {"POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_SERVICE_NAME": folder, **variables}
    name = make_function(cloud, source, FunctionName=name, Environment={"Variables": settings})
    return str(cloud.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"])


def wait_for_function(function, name, **version):
    """Wait until a function (or with Qualifier a version) is active and its last update done; fail when it failed."""

    def ready():
        seen = function.get_function_configuration(FunctionName=name, **version)
        states = (seen["State"], seen.get("LastUpdateStatus", "Successful"))
        assert "Failed" not in states, (name, version, seen.get("StateReason"), seen.get("LastUpdateStatusReason"))
        return states == ("Active", "Successful")

    until(ready)


def invoke(cloud, name, event=None, **more):
    """Invoke synchronously; return (FunctionError or None, decoded payload)."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def log_lines(cloud, group):
    """Return the messages of a log group so far."""
    logs = cloud.client("logs")
    try:
        return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def make_bucket(cloud):
    """Create a bucket and return its name."""
    name = unique("bucket")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def run_machine(cloud, definition, machine_input=None, limit_seconds=120.0):
    """Run a state machine to its end and return DescribeExecution's answer."""
    states = cloud.client("stepfunctions")
    arn = states.create_state_machine(name=unique("machine"), definition=json.dumps(definition), roleArn=ROLE)
    execution = states.start_execution(stateMachineArn=arn["stateMachineArn"], input=json.dumps(machine_input or {}))
    return end_of(states, execution["executionArn"], limit_seconds)


def end_of(states, execution_arn, limit_seconds=120.0):
    """Wait for the end of an execution and describe it."""

    def ended():
        seen = states.describe_execution(executionArn=execution_arn)
        return seen if seen["status"] != "RUNNING" else None

    return until(ended, limit_seconds)
