"""One demo, told before the first test of this folder; its cloud stays up for all of them."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from infolens_cli import cloud as cloud_process

INFOLENS = Path(sys.executable).with_name("infolens")


@dataclass(frozen=True)
class Told:
    """A demo that has been told, and the cloud that it left up."""

    code: int
    text: str
    env: dict
    endpoint: str

    def run(self, *words):
        """Type a command of the operator's; gives exit code, output and error output."""
        done = subprocess.run([INFOLENS, *words], env=self.env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def client(self, service):
        """A boto3 client of the demo's cloud."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    @property
    def outputs(self):
        """Outputs of the deployed stack."""
        stack = self.client("cloudformation").describe_stacks(StackName="infolens")["Stacks"][0]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    @property
    def curl(self):
        """The line that the summary prints."""
        return next(line for line in self.text.splitlines() if line.startswith("curl "))

    def runs(self):
        """How many training runs there have been."""
        machine = self.outputs["TrainingStateMachineArn"]
        return len(self.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"])


@pytest.fixture(scope="package")
def told(tmp_path_factory):
    """Tell the demo once; the cloud stays up for all tests of this folder, and is gone after them."""
    state_dir = tmp_path_factory.mktemp("demo") / "cloud"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # COLUMNS: xdist tells its workers the width of the terminal, and words would be broken in tables.
    chosen = {
        name: value
        for name, value in os.environ.items()
        if name != "COLUMNS" and (not name.startswith("AWS_") or name == "AWS_CA_BUNDLE")
    }
    env = {**chosen, "INFOLENS_STATE_DIR": str(state_dir), "INFOLENS_CLOUD_PORT": str(port)}
    try:
        done = subprocess.run([INFOLENS, "demo"], env=env, capture_output=True, text=True, check=False)
        yield Told(done.returncode, done.stdout + done.stderr, env, f"http://127.0.0.1:{port}")
    finally:
        cloud_process.stop(state_dir)
